import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser, openPage } from '../support/browser.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';
import { newName } from '../support/words.js';

describeInBrowser('Swagger UI', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchBrowser()]);
    page = await openPage(browser, complaints);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('shows every endpoint, takes a token, and makes a debit', async () => {
    const sub = newName();
    await (
      await server.clientFor({ sub: 'root', admin: true })
    ).post('/api/credits/deposit', { amount: 50, description: 'x', account: `user:${sub}` });

    await page.goto(server.url);
    await page.getByRole('heading', { name: 'Assimetria Credits' }).waitFor();
    expect(complaints).toEqual([]);

    await page.locator('.auth-wrapper .authorize').click();
    const form = page.locator('.auth-container', { hasText: 'bearer' }).first();
    await form
      .locator('input')
      .first()
      .fill(await mintToken({ sub }));
    await form.locator('button[type=submit]').click();
    await page.locator('.close-modal').click();

    const operation = page.locator('.opblock', { has: page.locator('[data-path="/api/credits/debit"]') });
    await operation.locator('.opblock-summary').click();
    await operation.locator('textarea.body-param__text').fill('{"amount": 1.25, "description": "From Swagger UI"}');
    await operation.locator('button.execute').click();

    const live = operation.locator('.live-responses-table');
    await live.locator('.response-col_status', { hasText: '201' }).waitFor();
    expect(await live.innerText()).toContain('"balance_after": 48.75');

    const client = await server.clientFor({ sub });
    expect((await client.get('/api/credits/transactions')).body.data.at(-1)).toMatchObject({
      amount: -1.25,
      description: 'From Swagger UI',
    });
  });

  it('makes a token and authorizes with it', async () => {
    await page.goto(server.url);
    await page.locator('.opblock').first().waitFor();
    // The user whom the page proposes is the one whom the examples name.
    expect(await page.locator('.token [name=user]').inputValue()).toBe('42');
    await page.locator('.token [name=admin]').check();
    await page.locator('.token button').click();
    await page.locator('.token output', { hasText: 'an administrator' }).waitFor();
    await page.locator('.auth-wrapper .authorize.locked').waitFor();
  });

  it('sends what it offers, for every operation', async () => {
    const root = await server.clientFor({ sub: 'root', admin: true });
    await root.post('/api/credits/deposit', { amount: 100, description: 'x', account: 'user:42' });
    await root.post('/api/tokens/grant', { amount: 100_000, description: 'x', account: 'user:42' });
    const groups = await page.locator('.opblock-tag-section').count();
    const answers: Record<string, string> = {};
    for (let group = 0; group < groups; group++) {
      const section = page.locator('.opblock-tag-section').nth(group);
      for (const operation of await section.locator('.opblock').all()) {
        const name = (await operation.locator('.opblock-summary-method, .opblock-summary-path').allInnerTexts()).join(
          ' ',
        );
        await operation.locator('.opblock-summary').click();
        await operation.locator('button.execute').click();
        const status = operation.locator('.live-responses-table .response-col_status').last();
        await status.waitFor();
        answers[name] = (await status.innerText()).trim().slice(0, 3);
        await operation.locator('.opblock-summary').click();
      }
    }
    expect(Object.keys(answers).length).toBeGreaterThan(40);
    // An example's id or signature is nobody's; what was spent cannot be given back.
    const bad = Object.entries(answers).filter(([name, status]) => {
      if (name.includes('/webhooks/')) return !['400', '404'].includes(status);
      return !(status.startsWith('2') || (name.includes('{') && ['404', '409'].includes(status)));
    });
    expect(bad).toEqual([]);
  }, 600_000);

  it('shows errors as one table, and administrators’ operations by themselves', async () => {
    await page.goto(server.url);
    const operation = page.locator('.opblock', { has: page.locator('[data-path="/api/credits/debit"]') });
    await operation.locator('.opblock-summary').click();
    const rows = operation.locator('.errors tbody tr');
    await rows.first().waitFor();
    expect((await rows.allInnerTexts()).map((text) => text.split(/\s+/)[1])).toEqual(
      expect.arrayContaining(['VALIDATION_ERROR', 'INSUFFICIENT_CREDITS', 'OVERLOADED']),
    );
    expect(await operation.locator('.responses-table .response').count()).toBe(1);
    const tags = await page.locator('.opblock-tag').evaluateAll((all) => all.map((tag) => tag.dataset['tag']));
    const firstOfAdmins = tags.findIndex((tag) => tag!.startsWith('Admin'));
    expect(firstOfAdmins).toBeGreaterThan(0);
    expect(tags.slice(firstOfAdmins).every((tag) => tag!.startsWith('Admin'))).toBe(true);
    const deposit = page.locator('.opblock-tag-section', { has: page.locator('[data-path="/api/credits/deposit"]') });
    expect(await deposit.locator('.opblock-tag').getAttribute('data-tag')).toBe('Admin: credits');
  });

  it.each(['/api/docs', '/api/reference'])('%s fits a phone and asks no other host', async (path) => {
    const [heard, hosts]: [string[], Set<string>] = [[], new Set()];
    const phone = await openPage(browser, heard);
    phone.on('request', (request) => /^http/.test(request.url()) && hosts.add(new URL(request.url()).origin));
    await phone.setViewportSize({ width: 390, height: 844 });
    await phone.goto(server.url + path);
    await phone.getByRole('heading', { name: 'Assimetria Credits' }).waitFor();
    if (path === '/api/docs') {
      const operation = phone.locator('.opblock', { has: phone.locator('[data-path="/api/credits/debit"]') });
      await operation.locator('.opblock-summary').click();
      await operation.locator('.errors').waitFor();
    }
    expect(await phone.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect([heard, [...hosts]]).toEqual([[], [server.url]]);
    await phone.close();
  });
});
