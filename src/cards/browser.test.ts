import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { NewMerchant } from '../merchants/open.ts';
import { type CardDesk, openCardDesk } from './testing.ts';

/** Only where a browser is installed; everything that the page does without scripts is tested without one. */
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
const axe = createRequire(import.meta.url).resolve('axe-core');

describe.skipIf(!executablePath)('in a browser', () => {
  let desk: CardDesk;
  let m: NewMerchant;
  let base: string;
  let browser: Browser;
  const shop = createServer((_request, response) => response.end('<title>the shop</title>'));
  beforeAll(async () => {
    desk = await openCardDesk(inject('postgres'), 'http://127.0.0.1:8080');
    m = await desk.merchant();
    base = await desk.app.listen({ port: 0, host: '127.0.0.1' });
    await new Promise<void>((resolve) => shop.listen(0, 'localhost', resolve));
    browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox', '--disable-gpu'] });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    shop.close();
    await desk?.close();
  });

  /** A page of a new session, and everything that it complained of or asked for. */
  async function open(lang: string, options: BrowserContextOptions = {}, wish: Record<string, unknown> = {}, merchant = m) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const [complaints, asked]: [string[], string[]] = [[], []];
    page.on('console', (message) => message.type() !== 'error' || /status of 4/.test(message.text()) || complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
    const path = await desk.page(merchant, wish);
    await page.goto(`${base}${path}?lang=${lang}`);
    return { context, page, path, complaints, asked };
  }
  const faults = async (page: Page): Promise<string[]> => {
    await page.addScriptTag({ path: axe });
    const found = (await page.evaluate(
      'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target).join(", ")))',
    )) as string[];
    return found;
  };
  const text = (page: Page, selector: string) => page.textContent(selector);

  test('digits are grouped, the network is shown, and a typing error is found before anything is sent', async () => {
    const { context, page, complaints, asked } = await open('en');
    await page.type('#number', '411111111111111');
    await page.type('#expiry', '1239');
    expect(await page.inputValue('#number')).toBe('4111 1111 1111 111');
    expect(await page.getAttribute('#marks', 'data-brand')).toBe('visa');
    expect(await page.inputValue('#expiry')).toBe('12 / 39');
    expect(await text(page, '#number-error')).toContain('Digits are missing');
    await page.click('button');
    expect(await page.evaluate('document.activeElement.id')).toBe('number');
    await page.type('#number', '2');
    await page.click('button');
    expect(await text(page, '#number-error')).toContain('One of the digits is wrong');
    expect(asked.filter((line) => line.startsWith('POST'))).toEqual([]);
    await page.press('#number', 'Backspace');
    await page.type('#number', '1');
    expect(await text(page, '#number-error')).toBe('');
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    expect(await text(page, 'h1')).toBe('Card saved');
    expect(complaints).toEqual([]);
    expect(asked.every((line) => line.includes(base))).toBe(true);
    await context.close();
  });

  test('a digit that is put into the middle leaves the cursor where it was', async () => {
    const { context, page } = await open('en');
    await page.type('#number', '41111111111111');
    await page.evaluate('document.getElementById("number").setSelectionRange(2, 2)');
    await page.keyboard.type('99');
    expect(await page.inputValue('#number')).toBe('4199 1111 1111 1111');
    expect(await page.evaluate('document.getElementById("number").selectionStart')).toBe(4);
    await context.close();
  });

  test('the expiry reads the same, however it is typed or filled in', async () => {
    const { context, page } = await open('en');
    for (const [typed, shown] of [
      ['9', '09 /'],
      ['12/2039', '12 / 39'],
      ['1/30', '01 / 30'],
      ['0530', '05 / 30'],
      ['12', '12 /'],
    ] as const) {
      await page.fill('#expiry', typed);
      expect((await page.inputValue('#expiry')).trim()).toBe(shown);
    }
    await context.close();
  });

  test('success leads out to the shop, past the policy of the page', async () => {
    const done = `http://localhost:${(shop.address() as AddressInfo).port}/done?order=7#here`;
    const { context, page, complaints } = await open('ru', {}, { successUrl: done });
    await page.type('#number', '5555555555554444');
    await page.type('#expiry', '1239');
    await Promise.all([page.waitForURL(done), page.click('button')]);
    expect(await page.title()).toBe('the shop');
    expect(await page.evaluate('document.referrer')).toBe('');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('without scripts the whole way works too', async () => {
    const { context, page } = await open('kk', { javaScriptEnabled: false });
    await page.fill('#number', '4111 1111 1111 1112');
    await page.fill('#expiry', '12/39');
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    expect(await text(page, '#number-error')).toContain('Цифрлардың бірі қате');
    expect(await page.inputValue('#number')).toBe('');
    expect(await page.inputValue('#expiry')).toBe('12/39');
    await page.click('text=Русский');
    expect(await text(page, 'h1')).toBe('Сохраните карту');
    await page.fill('#number', '4111111111111111');
    await page.fill('#expiry', '12/39');
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    expect(await text(page, 'h1')).toBe('Карта сохранена');
    await context.close();
  });

  test.each([
    ['en', 'light'],
    ['ru', 'dark'],
    ['kk', 'light'],
  ] as const)('anybody can use it: in %s, %s', async (lang, colorScheme) => {
    const { context, page } = await open(lang, { colorScheme, bypassCSP: true, reducedMotion: 'reduce' }, { failureUrl: 'https://shop.example/no' });
    expect(await faults(page)).toEqual([]);
    await Promise.all([page.waitForNavigation(), page.evaluate('setTimeout(() => document.getElementById("card-form").submit(), 0)')]);
    expect(await page.evaluate('document.activeElement.id')).toBe('number');
    expect(await faults(page)).toEqual([]);
    await page.goto(`${base}/cards/nobody?lang=${lang}`);
    expect(await faults(page)).toEqual([]);
    await context.close();
  });

  test('nothing is cut off on a small phone, or at 200 %', async () => {
    for (const [lang, viewport] of [
      ['kk', { width: 320, height: 568 }],
      ['ru', { width: 640, height: 400 }],
    ] as const) {
      const { context, page } = await open(lang, { viewport });
      await page.fill('#number', '4111111111111112');
      await page.click('button');
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      await context.close();
    }
  });

  test('it runs in no frame, and keeps nothing', async () => {
    const { context, page, path } = await open('en');
    await page.type('#number', '4111111111111111');
    expect(await page.evaluate('JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, location.href])')).toBe(
      JSON.stringify([0, 0, '', `${base}${path}?lang=en`]),
    );
    await page.goto('about:blank');
    await page.setContent(`<iframe src="${base}${path}"></iframe>`);
    await page.waitForTimeout(300);
    expect(
      await page
        .frames()[1]
        ?.content()
        .catch(() => ''),
    ).not.toContain('card-form');
    await context.close();
  });

  test('a name cannot run as a script', async () => {
    for (const payload of ['"><script>__xss=1</script><img src=x onerror=__xss=1>', "</title></style><svg onload=__xss=1>';__xss=1;//"]) {
      const { context, page, complaints } = await open('en', {}, {}, await desk.merchant(payload));
      await page.fill('#holder', payload);
      await page.fill('#expiry', payload);
      await Promise.all([page.waitForNavigation(), page.evaluate('setTimeout(() => document.getElementById("card-form").submit(), 0)')]);
      expect(await page.evaluate('typeof __xss')).toBe('undefined');
      expect(await text(page, '.merchant bdi')).toBe(payload);
      expect(complaints).toEqual([]);
      await context.close();
    }
  });
});
