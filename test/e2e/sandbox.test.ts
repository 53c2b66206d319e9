import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser, openPage } from '../support/browser.js';
import type { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { freePort, type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

const PHONE = { width: 360, height: 640 };
const DESKTOP = { width: 1280, height: 800 };

describeInBrowser('The sandbox', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    // The checkout's address has to be known before the server's port is.
    const port = String(await freePort());
    [server, browser] = await Promise.all([
      startServer({ PORT: port, PUBLIC_URL: `http://127.0.0.1:${port}` }),
      launchBrowser(),
    ]);
    page = await openPage(browser, complaints);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const balance = async (client: Client) => (await client.get('/api/credits/balance')).body.data.balance;
  const press = (name: RegExp) => page.getByRole('button', { name }).click();
  /** Screenshots are for people who want to look; the folder is theirs to name. */
  const picture = async (name: string) => {
    const folder = process.env['SCREENSHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  };

  async function checkout(): Promise<Client> {
    const client = await server.clientFor({ sub: newName() });
    const { body } = await client.post('/api/credits/purchase', { package_id: 'pro' });
    await page.goto(body.data.checkout_url);
    return client;
  }

  /**
   * What must hold of every page, on every screen: the banner in view also at the page's end, and nothing wider than
   * the screen.
   */
  async function expectGoodLooks(): Promise<void> {
    for (const size of [PHONE, DESKTOP]) {
      await page.setViewportSize(size);
      await page.keyboard.press('End');
      const banner = (await page.getByText('Sandbox — no real money moves').boundingBox())!;
      expect(banner.y).toBeGreaterThanOrEqual(0);
      expect(banner.y + banner.height).toBeLessThanOrEqual(size.height);
      // Evaluated as text: the browser's globals are not ours.
      expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(
        0,
      );
      for (const control of await page.locator('button, a.button').all())
        expect((await control.boundingBox())!.height).toBeGreaterThanOrEqual(44);
    }
  }

  it('buys a package from the checkout address to the new balance, and refunds it', async () => {
    const client = await checkout();
    await expectGoodLooks();
    await picture('checkout');
    await press(/^Pay \$90\.00$/);
    await page.waitForURL(/\/checkout\/return\//);
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    expect(await page.locator('main').innerText()).toMatch(/Pro package[\s\S]*Account balance\s+\$100\.00/);
    expect(await balance(client)).toBe(100);
    await expectGoodLooks();
    await picture('thank-you');

    await page.getByRole('link', { name: 'Open the sandbox checkout' }).click();
    await expectGoodLooks();
    await picture('paid');
    await press(/^Refund \$90\.00$/);
    await page.getByText('Refund', { exact: true }).waitFor();
    await eventually(async () => expect(await balance(client)).toBe(0));
    await picture('refunded');
    await page.getByRole('link', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Payment refunded' }).waitFor();
    expect(await page.locator('main').innerText()).toMatch(/Refunded\s+\$90\.00[\s\S]*Account balance\s+\$0\.00/);
    expect(await page.locator('main').innerText()).not.toContain('Thank you');
    await expectGoodLooks();
    expect(complaints).toEqual([]);
  });

  it('works by keyboard alone: decline, and then pay', async () => {
    const client = await checkout();
    for (let i = 0; i < 3; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await balance(client)).toBe(0);
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').innerText()).toBe('Pay $90.00');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/checkout\/return\//);
    await eventually(async () => expect(await balance(client)).toBe(100));
  });

  it('pays later: the return page waits by itself until the money has arrived', async () => {
    const client = await checkout();
    await press(/^Pay later/);
    await page.getByRole('heading', { name: 'Payment processing' }).waitFor();
    expect(await page.locator('main').innerText()).not.toContain('Account balance');
    await picture('under-way');
    const bank = await browser.newPage();
    await bank.goto(
      await page
        .getByRole('link', { name: 'Open the sandbox checkout' })
        .getAttribute('href')
        .then((path) => new URL(path!, server.url).href),
    );
    await bank.getByRole('button', { name: 'The money arrives' }).click();
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    expect(await balance(client)).toBe(100);
  });

  it('a dispute is opened and won', async () => {
    const client = await checkout();
    await press(/^Pay \$/);
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    await page.goBack();
    await press(/^Dispute \$90\.00$/);
    await eventually(async () => expect(await balance(client)).toBe(0));
    await expectGoodLooks();
    await press(/^Win the dispute$/);
    await page.getByText('Dispute won').waitFor();
    await eventually(async () => expect(await balance(client)).toBe(100));
    expect(complaints).toEqual([]);
  });
});
