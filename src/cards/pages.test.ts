import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { NewMerchant } from '../merchants/open.ts';
import { testPan } from '../vault/testing.ts';
import { type CardDesk, openCardDesk } from './testing.ts';

let desk: CardDesk;
let m: NewMerchant;
beforeAll(async () => {
  desk = await openCardDesk(inject('postgres'));
  m = await desk.merchant();
});
afterAll(() => desk?.close());

const good = { number: '4111 1111 1111 1111', expiry: '12 / 39', holder: 'AIGERIM SERIKOVA' };
const tokens = () => desk.rows<{ id: string; last4: string }>(`select id, last4 from tolem.card_token where merchant_id = '${m.merchantId}' order by id`);
const told = () => desk.rows<{ type: string; body: string }>(`select type, body from tolem.event where merchant_id = '${m.merchantId}' order by number`);

test.each([
  ['en', 'Save your card', 'Card saved', 'Compare the number with the card.', 'This link has expired'],
  ['ru', 'Сохраните карту', 'Карта сохранена', 'Сверьте номер с картой.', 'Срок действия ссылки истёк'],
  ['kk', 'Картаңызды сақтаңыз', 'Карта сақталды', 'Нөмірді картамен салыстырыңыз.', 'Сілтеменің мерзімі өтті'],
])('the whole way without a script, in %s', async (lang, title, saved, wrong, expired) => {
  const page = await desk.page(m);
  const form = await desk.get(page, { 'accept-language': lang });
  expect(form.status).toBe(200);
  expect(form.text).toContain(`<html lang="${lang}">`);
  expect(form.text).toContain(title);
  const [, action] = /<form[^>]* action="([^"]+)"/.exec(form.text) ?? [];
  expect(action).toBe(`?lang=${lang}`);
  const refused = await desk.send(`${page}${action}`, { ...good, number: '4111 1111 1111 1112' });
  expect(refused.status).toBe(422);
  expect(refused.text).toContain(wrong);
  expect(refused.text).toMatch(/id="number"[^>]* aria-describedby="number-error"[^>]* aria-invalid="true"[^>]* autofocus/);
  expect(refused.text).toContain('value="12 / 39"');
  expect(refused.text).not.toMatch(/4111 ?1111 ?1111 ?1112/);
  const done = await desk.send(`${page}${action}`, good);
  expect(done.status).toBe(200);
  expect(done.text).toContain(saved);
  expect(done.text).toContain('Visa •••• 1111');
  expect((await desk.get(`${page}?lang=${lang}`)).status).toBe(410);
  const other = await desk.page(m);
  desk.clock.advance(25 * 3_600_000);
  const late = await desk.get(`${other}?lang=${lang}`);
  expect([late.status, late.text.includes(expired)]).toEqual([410, true]);
  expect((await desk.send(`${other}?lang=${lang}`, good)).status).toBe(410);
});

test('the token and its webhook come with the form, and the page is used up', async () => {
  const before = (await tokens()).length;
  const page = await desk.page(m, { customer: { externalUserId: 'page-user' } });
  for (let i = 0; i < 3; i++) await desk.get(page); // looking changes nothing
  await desk.send(page, { ...good, number: testPan(3) });
  const [token, ...more] = (await tokens()).slice(before);
  expect(more).toEqual([]);
  expect(await desk.panOf(m.merchantId, token?.id as string)).toBe(testPan(3));
  const event = (await told()).at(-1);
  expect(JSON.parse(event?.body as string)).toMatchObject({
    name: 'card.saved',
    data: { cardTokenId: token?.id, externalUserId: 'page-user', last4: testPan(3).slice(-4) },
  });
  const again = await desk.send(page, good);
  expect(again.status).toBe(410);
  expect(again.text).toContain('The card has been saved');
  expect((await tokens()).length).toBe(before + 1);
});

test('a form that is sent many times at once saves one card', async () => {
  const [before, page] = [(await tokens()).length, await desk.page(m)];
  const answers = await Promise.all(Array.from({ length: 20 }, () => desk.send(page, good)));
  expect(answers.filter(({ status }) => status === 200).length).toBe(1);
  expect(answers.filter(({ status }) => status === 410).length).toBe(19);
  expect((await tokens()).length).toBe(before + 1);
  const orphans = await desk.rows('select c.token_id from vault.card c left join tolem.card_token t on t.id = c.token_id where t.id is null');
  expect(orphans).toEqual([]);
});

test('success leads to exactly the address that was given', async () => {
  const successUrl = "https://shop.example:8443/done?order=1&x=%7B%22a%22:'b'%7D#top";
  const page = await desk.page(m, { successUrl, failureUrl: 'http://localhost:3000/no' });
  const form = await desk.get(page);
  expect(form.headers['content-security-policy']).toContain("form-action 'self' https://shop.example:8443;");
  expect(form.text).toContain('href="http://localhost:3000/no"');
  const { status, headers, text } = await desk.send(page, good);
  expect([status, headers.location, text]).toEqual([303, successUrl, '']);
});

test('ten tries, and the page is over', async () => {
  const page = await desk.page(m);
  for (let i = 1; i <= 9; i++) {
    const { status, text } = await desk.send(page, { ...good, number: '4111111111111112' });
    expect(status).toBe(422);
    expect(text.includes(`${10 - i} more`)).toBe(i >= 7);
  }
  const last = await desk.send(page, { ...good, number: '' });
  expect([last.status, last.text.includes('Too many tries')]).toEqual([410, true]);
  expect((await desk.send(page, good)).status).toBe(410);
  expect((await desk.get(page)).status).toBe(410);
  expect((await told()).at(-1)).toMatchObject({ type: 'card.save_failed' });
});

test('the tenth try may be the good one; tries that are sent at once are counted too', async () => {
  const page = await desk.page(m);
  await Promise.all(Array.from({ length: 9 }, () => desk.send(page, {})));
  expect((await desk.send(page, good)).status).toBe(200);
  const crowded = await desk.page(m);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => desk.send(crowded, { ...good, number: `411111111111${String(i).padStart(4, '0')}`, expiry: 'x' })),
  );
  expect(answers.filter(({ status }) => status === 422).length).toBe(9);
});

test.each(['/cards/unknownunknownunknownunknown', '/cards/x', '/cards/%00', '/cards/..%2f..%2fetc', `/cards/${'a'.repeat(190)}`, '/cards/4111111111111111'])(
  '%s is nobody’s page',
  async (path) => {
    for (const answer of [await desk.get(path, { 'accept-language': 'ru' }), await desk.send(path, good)]) {
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    }
    expect((await desk.get(path, { 'accept-language': 'ru' })).text).toContain('Страница не найдена');
  },
);

test('a form from another site does nothing, and takes no try', async () => {
  const page = await desk.page(m);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'https://pay.example.evil' },
  ] as Record<string, string>[]) {
    const { status, text } = await desk.send(page, good, headers);
    expect([status, text.includes('Sent from elsewhere')]).toEqual([403, true]);
  }
  const [session] = await desk.rows<{ tries: number }>(`select tries from tolem.card_session order by created_at desc, id desc limit 1`);
  expect(session?.tries).toBe(0);
  expect((await desk.send(page, good, { 'sec-fetch-site': 'same-origin', origin: 'null' })).status).toBe(200);
  expect((await desk.send(await desk.page(m), good, { origin: 'https://pay.example' })).status).toBe(200);
});

test('only a form is taken, of a sensible size', async () => {
  const page = await desk.page(m);
  const json = await desk.app.inject({ method: 'POST', url: page, headers: { 'content-type': 'application/json' }, payload: JSON.stringify(good) });
  const text = await desk.app.inject({ method: 'POST', url: page, headers: { 'content-type': 'text/plain' }, payload: 'number=4111111111111111' });
  const large = await desk.send(page, { ...good, holder: 'A'.repeat(10_000) });
  expect([json.statusCode, text.statusCode, large.status]).toEqual([415, 415, 413]);
  for (const answer of [json.body, text.body, large.text]) expect(answer).toContain('Nothing was received');
  expect((await desk.send(page, {})).status).toBe(422);
  const twice = await desk.app.inject({
    method: 'POST',
    url: page,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'number=4111111111111111&number=5105105105105100&expiry=12/39',
  });
  expect(twice.statusCode).toBe(422);
});

test('every answer carries the headers that keep a page to itself', async () => {
  const page = await desk.page(m);
  for (const answer of [await desk.get(page), await desk.send(page, {}), await desk.get('/cards/nobody'), await desk.send(page, good)]) {
    const csp = String(answer.headers['content-security-policy']);
    for (const rule of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"])
      expect(csp).toContain(rule);
    expect(csp).not.toMatch(/unsafe|\*/);
    expect(answer.headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(answer.headers['strict-transport-security']).toMatch(/^max-age=63072000/);
    const [, nonce] = /'nonce-([^']+)'/.exec(csp) ?? [];
    expect([...answer.text.matchAll(/<(?:script|style) nonce="([^"]+)"/g)].every(([, own]) => own === nonce)).toBe(true);
    expect(answer.text).not.toMatch(/\son\w+=|\sstyle=|<iframe|(?:src|href)="(?:https?:)?\/\//);
  }
  const plain = await openCardDesk(inject('postgres'), 'http://localhost:8080');
  const shop = await plain.merchant();
  expect((await plain.get(await plain.page(shop))).headers['strict-transport-security']).toBeUndefined();
  await plain.close();
});

test('names, addresses and fields are text, whatever is in them', async () => {
  const payloads = [
    '<script>__xss=1</script>',
    '"><img src=x onerror=__xss=1>',
    "'-__xss-'",
    '</title><svg onload=__xss=1>',
    '{{constructor.constructor("__xss=1")()}}',
    '<!--',
    ']]>',
    '\u202Egnp\u2066',
    '&lt;b&gt;',
    'javascript:__xss=1',
  ];
  for (const payload of payloads) {
    const shop = await desk.merchant(`Shop ${payload}`);
    const page = await desk.page(shop, { successUrl: 'https://shop.example/?q=%22%3E%3Cscript%3E' });
    for (const { text } of [
      await desk.get(page),
      await desk.send(`${page}?lang=${encodeURIComponent(payload)}`, { number: payload, expiry: payload, holder: payload }),
    ]) {
      expect(text).not.toMatch(/<img|<svg onload|<script>|<!--|<b>|[\u202A-\u202E\u2066-\u2069]/);
      expect(text.match(/<script/g)?.length).toBe(1);
      expect(text.match(/<\/title>/g)?.length).toBe(1);
    }
  }
});

test('what goes wrong on our side is said in words, and logged without the address', async () => {
  const page = await desk.page(m);
  await desk.meddle('alter table tolem.card_session rename to card_session_away');
  const { status, text } = await desk.get(page, { 'accept-language': 'kk' });
  await desk.meddle('alter table tolem.card_session_away rename to card_session');
  expect([status, text.includes('Бірдеңе дұрыс болмады')]).toEqual([500, true]);
  expect(desk.logged.at(-1)).toContain('/cards/:page');
  expect(desk.logged.join()).not.toContain(page.split('/').at(-1));
});
