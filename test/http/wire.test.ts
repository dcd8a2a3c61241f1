/** Below HTTP as clients speak it: bytes on a socket. What can be read in two ways is refused, and what is sent slowly has an end. */
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { expectRefusal, rowsOf } from './refusals.ts';

let th: TestHouse;
let m: TestMerchant;
let port: number;
beforeAll(async () => {
  th = await openTestHouse();
  m = await th.merchant({ available: 1_000_00n });
  await th.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = th.app.server.address() as AddressInfo);
});
afterAll(() => th.close());

interface Said {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** Sends bytes, and collects what is answered until the server closes. */
function send(...pieces: (string | Buffer)[]): Promise<Said[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const heard: Buffer[] = [];
    socket.on('data', (bytes) => heard.push(bytes));
    socket.on('error', () => undefined); // a reset after the answer
    socket.on('close', () => {
      try {
        resolve(answersIn(Buffer.concat(heard).toString()));
      } catch (error) {
        reject(error as Error);
      }
    });
    for (const piece of pieces) socket.write(piece);
  });
}

function answersIn(text: string): Said[] {
  const answers: Said[] = [];
  for (let rest = text; rest;) {
    const [head = '', ...after] = rest.split('\r\n\r\n');
    const [line = '', ...lines] = head.split('\r\n');
    const headers = Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]));
    const body = after.join('\r\n\r\n');
    const length = Number(headers['content-length'] ?? 0);
    answers.push({ status: Number(line.split(' ')[1]), headers, text: body.slice(0, length) });
    rest = body.slice(length);
  }
  return answers;
}

const CLOSE = 'Connection: close\r\n';
const head = (line: string, ...headers: string[]) =>
  `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${m.apiKey}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
const body = () => JSON.stringify({ tokenId: m.cardToken, amount: 0.01 });
const chunked = (extension = '', size = body().length.toString(16)) => `${size}${extension}\r\n${body()}\r\n0\r\n\r\n`;
const post = (...headers: string[]) => head('POST /v1/payout', 'Content-Type: application/json', ...headers);
const length = (more = 0) => `Content-Length: ${body().length + more}`;
const TE = 'Transfer-Encoding: chunked';

test.each<[string, () => string]>([
  ['Content-Length and Transfer-Encoding', () => post(length(), TE) + chunked()],
  ['Transfer-Encoding and Content-Length', () => post(TE, 'Content-Length: 4') + chunked()],
  ['two lengths', () => post(length(), length(-3)) + body()],
  ['one length twice', () => post(length(), length()) + body()],
  ['a length with a sign', () => post(`Content-Length: +${body().length}`) + body()],
  ['a negative length', () => post('Content-Length: -1') + body()],
  ['a length that is a list', () => post(`Content-Length: ${body().length}, ${body().length}`) + body()],
  ['a length in hexadecimal', () => post(`Content-Length: 0x${body().length.toString(16)}`) + body()],
  ['lines that end with LF alone', () => (post(length()) + body()).replaceAll('\r\n', '\n')],
  ['one header that ends with LF alone', () => post('X-A: 1\nX-B: 2', length()) + body()],
  ['one header with CR inside', () => post('X-A: 1\rX-B: 2', length()) + body()],
  ['a header over two lines', () => post('X-A: 1\r\n  2', length()) + body()],
  ['a space before a colon', () => post('Transfer-Encoding : chunked') + chunked()],
  ['an unknown coding', () => post('Transfer-Encoding: xchunked') + chunked()],
  ['chunked, and then something else', () => post('Transfer-Encoding: chunked, identity') + chunked()],
  ['a chunk of no size', () => post(TE) + chunked('', 'zz')],
  ['a chunk with 0x', () => post(TE) + chunked('', `0x${body().length.toString(16)}`)],
  ['a chunk whose size ends with LF alone', () => post(TE) + chunked().replace('\r\n', '\n')],
  ['a chunk extension that ends with LF alone', () => post(TE) + chunked(';').replace('\r\n', '\n')],
  ['a chunk extension of 20 KB', () => post(TE) + chunked(`;a=${'b'.repeat(20_000)}`)],
  ['NUL in a header', () => head('GET /v1/payout', 'X-A: a\0b')],
  ['NUL in the path', () => head('GET /v1/pay\0out')],
  ['bytes beyond ASCII in the path', () => head('GET /v1/transactions/ключ')],
  ['a method in small letters', () => head('get /v1/payout')],
  ['another protocol', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that does not exist', () => head('GET /v1/payout').replace('HTTP/1.1', 'HTTP/3.0')],
  ['TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['noise', () => '\x00\x01\x02\xff\r\n\r\n'],
])('%s: refused, once, and the connection ends', async (_, bytes) => {
  const before = await rowsOf(th);
  const answers = await send(bytes());
  expect(answers).toHaveLength(1);
  expectRefusal(answers[0] as Said, 400, 'this is not HTTP');
  expect(await rowsOf(th)).toEqual(before);
});

test('headers without end are refused', async () => {
  for (const headers of [`X-A: ${'a'.repeat(17_000)}\r\n`, Array.from({ length: 4000 }, (_, i) => `a${i}: b\r\n`).join('')]) {
    expectRefusal((await send(head('GET /v1/payout').replace('\r\n\r\n', `\r\n${headers}\r\n`)))[0] as Said, 431, 'the headers are too large');
  }
  expectRefusal((await send(head(`GET /v1/payout?${'a'.repeat(17_000)}`)))[0] as Said, 431, 'the headers are too large');
});

test('of many headers, none is dropped without a word', async () => {
  const many = Array.from({ length: 2500 }, () => 'a:b');
  const answers = await Promise.all([1, 2].map(() => send(post(...many, length(), 'Idempotency-Key: behind-the-others', 'Connection: close') + body())));
  const [one, other] = answers.map(([first]) => first as Said);
  expect([one?.status, other?.status]).toEqual([201, 201]);
  expect(one?.text).toBe(other?.text);
});

test('what is unusual and has one meaning is understood', async () => {
  expect((await send(`${post(TE, 'Connection: close')}${chunked(';name=value')}`)).map(({ status }) => status)).toEqual([201]);
  expect(
    (await send(`${post(TE, 'Connection: close')}${chunked().replace('0\r\n\r\n', '0\r\nAuthorization: pr_test_x\r\n\r\n')}`)).map(({ status }) => status),
  ).toEqual([201]);
  expect((await send(`${post(length(), 'Connection: close', 'Expect: 100-continue')}${body()}`)).map(({ status }) => status)).toEqual([100, 201]);
  const pipelined = await send(`${head('GET /v1/merchants/me')}${head('GET /v1/nothing')}${head('GET /v1/payout', 'Connection: close')}`);
  expect(pipelined.map(({ status }) => status)).toEqual([200, 404, 200]);
  expect((await send(head('GET //v1///payout/', 'Connection: close')))[0]?.status).toBe(200);
});

test('two Idempotency-Keys are refused', async () => {
  expectRefusal((await send(`${post(length(), 'Idempotency-Key: a', 'Idempotency-Key: b', 'Connection: close')}${body()}`))[0] as Said, 400, 'Idempotency-Key');
});

test('a path has one spelling', async () => {
  for (const path of [
    '/v1/../v1/payout',
    '/v1/%2e%2e/v1/payout',
    '/v1/./payout',
    '/V1/payout',
    '/v1/payout;a=b',
    '/v1\\payout',
    '//localhost/v1/payout',
    '/v1/payout%2f',
    '/v1%2fpayout',
  ]) {
    expectRefusal((await send(head(`GET ${path}`, 'Connection: close')))[0] as Said, 404, 'no such route');
  }
  for (const path of ['/v1/transactions/%zz', '/v1/transactions/%', '/v1/transactions/%ff', '/v1/%ed%a0%80']) {
    const [said] = await send(head(`GET ${path}`, 'Connection: close'));
    expectRefusal(said as Said, said?.status === 404 ? 404 : 400);
    expect(said?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('ten megabytes are refused while they are being sent', async () => {
  const megabytes = Buffer.alloc(1024 * 1024, 0x20);
  expectRefusal((await send(post('Content-Length: 10000000'), megabytes))[0] as Said, 413, 'the body is larger than 64 KB');
  expectRefusal((await send(post(TE), `${megabytes.length.toString(16)}\r\n`, megabytes))[0] as Said, 413, 'the body is larger than 64 KB');
});

test('a request that breaks off does nothing', async () => {
  const before = await rowsOf(th);
  for (const bytes of [post(length()) + body().slice(0, 10), post(length()), post(TE) + chunked().slice(0, -5), head('POST /v1/payout').slice(0, 30)]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes, () => setTimeout(() => socket.destroy(), 20)));
      socket.on('close', () => resolve());
      socket.on('error', () => undefined);
    });
  }
  expectRefusal((await send(post(length(-5), 'Connection: close') + body()))[0] as Said, 400);
  expect(await rowsOf(th)).toEqual(before);
});

test('who sends slowly is waited for a while, and then told', async () => {
  const { server } = th.app;
  expect({ headers: server.headersTimeout, request: server.requestTimeout, keepAlive: server.keepAliveTimeout }).toEqual({
    headers: 10_000,
    request: 20_000,
    keepAlive: 65_000,
  });
  const before = await rowsOf(th);
  [server.headersTimeout, server.requestTimeout] = [100, 150];
  const [headers, whole] = await Promise.all([send('POST /v1/payout HTTP/1.1\r\nX-A: '), send(post(length()) + body().slice(0, 5))]); // looked at every two seconds
  [server.headersTimeout, server.requestTimeout] = [10_000, 20_000];
  for (const said of [headers, whole]) expectRefusal(said[0] as Said, 408, 'the request took too long to arrive');
  expect(await rowsOf(th)).toEqual(before);
});

test('an old client is answered too', async () => {
  expect((await send(`GET /v1/merchants/me HTTP/1.0\r\n${CLOSE}Authorization: ${m.apiKey}\r\n\r\n`))[0]?.status).toBe(200);
});
