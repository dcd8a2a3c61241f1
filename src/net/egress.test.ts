/**
 * Requests that a merchant asks for must not reach what lies around this machine. 127.0.0.2 plays the internet; 127.0.0.1,
 * 127.0.0.3 and ::1 play the inside. Judged by the listeners, not by what is answered: the inside must see no connection.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { guardedNet, type GuardedNet } from '../net.ts';
import { type NetAnswer, NetError } from '../ports.ts';
import type { Egress } from './egress.ts';
import { httpAnswer, type RawServer, rawServer } from './raw-server.fixture.ts';
import { fromNameServers, fromSystem } from './resolve.ts';

let internet: RawServer;
let inside: RawServer[];
let port: number;
let net: GuardedNet;

const names: Record<string, string[]> = {
  'outside.test': ['127.0.0.2'],
  'inside.test': ['127.0.0.1'],
  'inside.test.': ['127.0.0.1'],
  'six.test': ['::1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'both.test': ['127.0.0.2', '127.0.0.3'],
  'both-turned.test': ['127.0.0.3', '127.0.0.2'],
  'both-families.test': ['127.0.0.2', '::1'],
  'zero.test': ['0.0.0.0'],
  'empty.test': [],
};
const resolve: Egress['resolve'] = async (hostname) => {
  const found = names[hostname];
  if (!found) throw new Error(`ENOTFOUND ${hostname}`);
  return found;
};
const onlyTheInternet = (address: string) => address === '127.0.0.2';

beforeAll(async () => {
  internet = await rawServer((socket) => socket.write(httpAnswer('hello')), { host: '127.0.0.2' });
  port = internet.port;
  inside = await Promise.all(['127.0.0.1', '127.0.0.3', '::1'].map((host) => rawServer((socket) => socket.write(httpAnswer('secret')), { host, port })));
  net = guardedNet({ allowPrivate: true, egress: { isAllowedAddress: onlyTheInternet, resolve } });
});
afterAll(async () => {
  await net.close();
  for (const server of [internet, ...inside]) await server.close();
});

const call = (of: GuardedNet, url: string): Promise<NetAnswer | NetError> =>
  of.request({ method: 'POST', url, headers: {}, body: '{}', timeoutMs: 3_000, maxBytes: 1_000 }).catch((error: NetError) => error);
const seenInside = () => inside.reduce((sum, server) => sum + server.connections, 0);

/** Every spelling of an address that a URL parser somewhere reads. P stands for the port. */
const spellings = String.raw`
127.0.0.1 127.0.0.1. 127.1 127.0.1 127.1. 0177.0.0.1 0177.0.0.01 0177.1 00177.0.0.1 0000000177.0.0.1 0x7f.0.0.1 0x7f.1 0X7F.0x0.0x0.0x1 0x7f.0x000001 0x7f000001 0x7F000001 0x00000007f000001
2130706433 017700000001 0017700000001 127.0x0.0.1 127.00.00.01 0x7f.0.01 0177.0x0.0.1 127.0.0x1 127.0.00000000001 127.0.0.0x1 0x7f.0.0.01. 2130706433.
127.0.0.3 127.3 0177.0.0.3 0x7f.0.0.3 2130706435 0x7f000003 017700000003 127.0.0.3. 127.000.000.003
0 0. 0.0 0.0.0.0 00 0x0 0x 0.0.0 0x00000000 00000000000 0.0.0.0.
１２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.⓪.⓪.① １２７。１ 𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟘x7f.1 0ｘ7f000001 ２１３０７０６４３３ 127.0.0\u00ad.1 127.0.\u200b0.1 127.0.0.\ufeff1 ⑫7.0.0.1
%31%32%37.0.0.1 127.0.0.%31 127%2e0%2e0%2e1 %30 0x7f%2e1 127.0.0%2E1 127%E3%80%820%E3%80%820%E3%80%821 %EF%BC%91%EF%BC%92%EF%BC%97.1
[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] [::0:1] [::0.0.0.1] [::ffff:127.0.0.1] [::FFFF:127.0.0.1] [::ffff:7f00:1] [::ffff:7f00:0001] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:127.0.0.3]
[::ffff:7f00:3] [::] [0:0:0:0:0:0:0:0] [::0] [::127.0.0.1] [::7f00:1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:7f00:0001::1] [::ffff:0:127.0.0.1] [::ffff:0.0.0.0] [2001:0:7f00:1::] [fe80::1] [fe80::1%25lo] [::1%25lo] [::ffff:0:0]
localhost LOCALHOST localhost. LocalHost%2e ⓛocalhost ｌｏｃａｌｈｏｓｔ loc\u00adalhost inside.test inside.test. INSIDE.TEST ｉｎｓｉｄｅ.test inside。test six.test mapped.test both.test both-turned.test both-families.test zero.test empty.test`
  .trim()
  .split(/\s+/)
  .map((text) => text.replace(/\\u([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));

/** The same places by way of a URL's other parts. */
const shapes = String.raw`
http://127.0.0.2@127.0.0.1:P/ http://127.0.0.2:P@127.0.0.1:P/ http://127.0.0.2%40127.0.0.1:P/ http://outside.test:P@inside.test:P/ http://user:pass@127.0.0.1:P http://@127.0.0.1:P/ http://:@127.0.0.1:P/ http://127.0.0.2%00@127.0.0.1:P/
http://127.0.0.1:P#@127.0.0.2:P/ http://127.0.0.1:P?@127.0.0.2:P/ http://127.0.0.1:P/@127.0.0.2:P/ http://127.0.0.1:P\\@127.0.0.2:P/ http://127.0.0.1:P;@127.0.0.2:P/ http://127.0.0.1:P,127.0.0.2:P/ http://127.0.0.1:P%23@127.0.0.2:P/ http://127.0.0.1%09:P/
http:127.0.0.1:P/ http:/127.0.0.1:P/ http:///127.0.0.1:P/ http:////127.0.0.1:P/ http:\\\\127.0.0.1:P\\ http:\\/127.0.0.1:P/ hTTp://127.0.0.1:P/ http://127.0.0.1:0P/ http://127.0.0.1:00000P/ http:\u000a//127.0.0.1:P/ \u0009http://127.0.0.1:P/ \u0001http://127.0.0.1:P/
ht\u000atp://127.0.0.1:P/ http://127.0.\u00090.1:P/ http://127.0.0.1:\u000aP/ http://[::1]:P@127.0.0.2:P/ http://[::1]:P/ http://[::ffff:127.0.0.1]:P@127.0.0.2/ http://0:P/ http://127.0.0.1:P/..;/ http://127.0.0.1:P/%0d%0aHost:%20x http://outside.test.inside.test:P/
file:///etc/passwd file://127.0.0.1/etc/passwd gopher://127.0.0.1:P/_POST data:text/plain,hello javascript:alert(1) ftp://127.0.0.1:P/ ws://127.0.0.1:P/ wss://127.0.0.1:P/ blob:http://127.0.0.1:P/x dict://127.0.0.1:P/ ldap://127.0.0.1:P/ unix:/var/run/docker.sock http://unix:/var/run/docker.sock:/
jar:http://127.0.0.1:P!/ about:blank //127.0.0.1:P/ /etc/passwd 127.0.0.1:P http:// https:// http://: http://? http://# http://.. http://%00 http://[ http://[::1 http://] http://127.0.0.1:99999/ http://127.0.0.1:-1/`
  .trim()
  .split(/\s+/)
  .map((text) => text.replace(/\\u([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).replaceAll('\\\\', '\\'));

const urls = () => [
  ...spellings.flatMap((host) => [`http://${host}:${port}/hook`, `https://${host}:${port}/hook`]),
  ...shapes.map((shape) => shape.replaceAll('P', String(port))),
];

test('nothing inside is connected to, in whatever way it is written', async () => {
  assert.ok(urls().length >= 300, `${urls().length}`);
  const told: string[] = [];
  for (const url of urls()) {
    const before = seenInside();
    const outcome = await call(net, url);
    if (seenInside() !== before) told.push(url);
    if (!(outcome instanceof NetError)) assert.equal(outcome.body.toString(), 'hello', url);
    else if (internet.connections === 0) assert.equal(outcome.sent, false, url);
  }
  await sleep(50);
  assert.deepEqual(told, []);
  assert.equal(seenInside(), 0);
});

test('where the inside is allowed, the same listeners see connections: they could have', async () => {
  const open = guardedNet({ allowPrivate: true });
  for (const host of ['127.0.0.1', '127.0.0.3', '[::1]', '0x7f000001', '[::ffff:127.0.0.1]', '0', 'localhost']) {
    const outcome = await call(open, `http://${host}:${port}/`);
    assert.ok(!(outcome instanceof NetError) && outcome.body.toString() === 'secret', host);
  }
  await open.close();
  assert.ok(inside.every(({ connections }) => connections > 0));
  for (const server of inside) server.connections = 0;
});

test('the internet is reached, by address and by name', async () => {
  for (const host of ['127.0.0.2', '0x7f000002', 'outside.test', 'OUTSIDE.test']) {
    const outcome = await call(net, `http://${host}:${port}/`);
    assert.ok(!(outcome instanceof NetError), host);
    assert.equal(outcome.body.toString(), 'hello');
  }
});

test('live rules: only https, only its ports, nothing with a password, nothing private', async () => {
  const live = guardedNet({ allowPrivate: false });
  const refusals: [string, RegExp][] = [
    ['http://example.com/', /must begin with https:\/\//],
    ['ftp://example.com/', /must begin with https:\/\//],
    ...[22, 25, 80, 3306, 5432, 6379, 8080, 9200, 11211].map((number): [string, RegExp] => [
      `https://example.com:${number}/`,
      /port \d+ is not among those allowed \(443, 8443\)/,
    ]),
    ['https://user@example.com/', /user name or password/],
    ['https://user:pass@example.com/', /user name or password/],
    ['https://10.0.0.1/', /10\.0\.0\.1 is not a public address/],
    ['https://169.254.169.254/latest/meta-data', /not a public address/],
    ['https://[fd00::2]/', /not a public address/],
    ['https://0x7f.1:8443/', /127\.0\.0\.1 is not a public address/],
    ['example.com/hooks', /not a URL/],
    [`https://example.com/${'x'.repeat(3_000)}`, /longer than 2048/],
  ];
  for (const [url, words] of refusals) {
    assert.match((await live.fault(url)) ?? '', words, url);
    const outcome = await call(live, url);
    assert.ok(outcome instanceof NetError && !outcome.sent, url);
    assert.match(outcome.message, words);
  }
  await live.close();
});

test('a name that leads inside is told when it is entered; one that does not resolve yet is not held against it', async () => {
  const careful = guardedNet({ allowPrivate: true, egress: { isAllowedAddress: onlyTheInternet, resolve } });
  assert.match((await careful.fault(`http://inside.test:${port}/`)) ?? '', /inside\.test leads to 127\.0\.0\.1, which is not a public address/);
  assert.match((await careful.fault(`http://both.test:${port}/`)) ?? '', /both\.test leads to 127\.0\.0\.3/);
  assert.equal(await careful.fault(`http://outside.test:${port}/`), undefined);
  assert.equal(await careful.fault(`http://unknown.test:${port}/`), undefined);
  await careful.close();
});

test('localhost is inside for both resolvers', async () => {
  for (const own of [fromSystem, fromNameServers()]) {
    const careful = guardedNet({ allowPrivate: true, egress: { isAllowedAddress: onlyTheInternet, resolve: own } });
    const outcome = await call(careful, `http://localhost:${port}/`);
    assert.ok(outcome instanceof NetError && !outcome.sent);
    await careful.close();
  }
  assert.equal(seenInside(), 0);
});

test('a name that changes: the address that was judged is the one that is connected, and each connection is judged anew', async () => {
  const answers = [['127.0.0.2'], ['127.0.0.3'], ['127.0.0.2', '127.0.0.1'], ['127.0.0.2']];
  let asked = 0;
  const rebinding = guardedNet({ allowPrivate: true, egress: { isAllowedAddress: onlyTheInternet, resolve: async () => answers[asked++] as string[] } });
  const closing = () => {
    for (const socket of internet.sockets) socket.destroy(); // so that the next request needs a connection
    return sleep(20);
  };
  const first = await call(rebinding, `http://rebind.test:${port}/`);
  assert.ok(!(first instanceof NetError));
  assert.equal(asked, 1, 'one answer, judged and used');
  await closing();
  for (const [host] of [['127.0.0.3'], ['127.0.0.1']]) {
    const refused = await call(rebinding, `http://rebind.test:${port}/`);
    assert.ok(refused instanceof NetError && !refused.sent && refused.message.includes(host as string), String(refused));
  }
  assert.ok(!((await call(rebinding, `http://rebind.test:${port}/`)) instanceof NetError));
  assert.equal(seenInside(), 0);
  await rebinding.close();
});

test('should an address slip through nevertheless, the connection is closed before a byte is written', async () => {
  let judged = 0;
  const late = guardedNet({ allowPrivate: true, egress: { isAllowedAddress: () => ++judged < 2, resolve: async () => ['127.0.0.2'] } });
  const before = internet.requests.length;
  const outcome = await call(late, `http://outside.test:${port}/`);
  assert.ok(outcome instanceof NetError && !outcome.sent);
  await sleep(50);
  assert.equal(internet.requests.length, before);
  await late.close();
});

test('redirects to the inside, to http and in circles are not followed', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const sender = await rawServer((socket) => socket.write(httpAnswer('', { status, headers: `location: http://127.0.0.1:${port}/\r\n` })), {
      host: '127.0.0.2',
    });
    const outcome = await call(net, `http://127.0.0.2:${sender.port}/`);
    assert.ok(!(outcome instanceof NetError));
    assert.deepEqual([outcome.status, sender.requests.length], [status, 1]);
    await sender.close();
  }
  assert.equal(seenInside(), 0);
});
