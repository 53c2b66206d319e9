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

  it.each([
    ['/api/credits/balance', 'get', /^200/],
    ['/api/payments/purchases', 'get', /^200/],
    ['/api/credits/transactions', 'get', /^200/],
    // The example's signature is nobody's, but it goes out.
    ['/api/webhooks/stripe', 'post', /^(400|404)/],
  ])('sends what it offers for %s', async (path, method, status) => {
    await page.goto(`${server.url}/`);
    const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) });
    await operation.locator('.opblock-summary').click();
    await operation.locator('button.execute').click();
    await operation.locator('.live-responses-table .response-col_status', { hasText: status }).first().waitFor();
  });
});
