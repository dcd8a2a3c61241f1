/** What `sent` says decides whether money may be sent again, so each way in which a network can fail is played below HTTP. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, test } from 'vitest';
import { httpAnswer, type RawServer, rawServer } from './net/raw-server.fixture.ts';
import { openNet, type OpenNet } from './net.ts';
import { type NetAnswer, NetError, type NetRequest } from './ports.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  connections = 8;
  for (const one of open.splice(0)) await one.close();
});

let connections = 8;

async function play(...args: Parameters<typeof rawServer>): Promise<{ server: RawServer; net: OpenNet; ask(more?: Partial<NetRequest>): Promise<NetAnswer> }> {
  const server = await rawServer(...args);
  const net = openNet({ connections });
  open.push(server, net);
  return {
    server,
    net,
    ask: (more = {}) =>
      net.request({
        method: 'POST',
        url: `http://127.0.0.1:${server.port}/v1/transfers?a=b`,
        headers: { 'x-a': 'b' },
        body: '{"ref":"r"}',
        timeoutMs: 1_000,
        maxBytes: 1_000,
        ...more,
      }),
  };
}

async function failure(asked: Promise<NetAnswer>): Promise<NetError> {
  const outcome = await asked.then(
    (answer) => answer,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof NetError, `expected a NetError, got ${JSON.stringify(outcome)}`);
  return outcome;
}

test('an answer is whole: status, headers, body', async () => {
  const { server, ask } = await play((socket) =>
    socket.write(httpAnswer('{"a":1}', { status: 422, headers: 'Max-In-Flight-Seconds: 30\r\nx-twice: a\r\nx-twice: b\r\n' })),
  );
  const { status, headers, body, truncated } = await ask();
  assert.deepEqual({ status, body: body.toString(), truncated }, { status: 422, body: '{"a":1}', truncated: false });
  assert.equal(headers['max-in-flight-seconds'], '30');
  assert.equal(headers['x-twice'], 'a, b');
  assert.match(server.requests[0] as string, /^POST \/v1\/transfers\?a=b HTTP\/1\.1\r\n/);
});

test('connections are kept, and one after another request goes over the same', async () => {
  const { server, ask } = await play((socket) => socket.write(httpAnswer('ok')));
  for (let i = 0; i < 50; i++) await ask();
  assert.ok(server.connections <= 2, `${server.connections}`);
});

test('many are in flight at once, and those beyond the limit of connections wait', async () => {
  const { server, ask } = await play((socket) => void setTimeout(() => socket.write(httpAnswer('ok')), 20));
  await Promise.all(Array.from({ length: 40 }, () => ask({ timeoutMs: 5_000 })));
  assert.equal(server.requests.length, 40);
  assert.ok(server.connections <= 8, `${server.connections}`);
});

test('refused: nothing left', async () => {
  const { server, ask } = await play();
  await server.close();
  assert.equal((await failure(ask())).sent, false);
});

test('a name that does not resolve: nothing left', async () => {
  const { ask } = await play();
  assert.equal((await failure(ask({ url: 'http://does-not-exist.invalid/', timeoutMs: 5_000 }))).sent, false);
});

test('not a URL, or a header that is none: nothing left', async () => {
  const { server, ask } = await play();
  assert.equal((await failure(ask({ url: 'nonsense' }))).sent, false);
  assert.equal((await failure(ask({ headers: { 'x-a': 'b\r\nc: d' } }))).sent, false);
  assert.equal(server.requests.length, 0);
});

test('no connection within the time: nothing left, and nothing leaves later', async () => {
  const { server, ask } = await play(undefined, { onConnection: (socket) => void socket.resume() }); // accepts, and never shakes hands
  const error = await failure(ask({ url: `https://127.0.0.1:${server.port}/`, timeoutMs: 300 }));
  assert.equal(error.sent, false);
});

test('a certificate that nobody vouches for: nothing left', async () => {
  const { server, ask } = await play((socket) => socket.write('not TLS either'), { onConnection: (socket) => void socket.end('220 smtp ready\r\n') });
  assert.equal((await failure(ask({ url: `https://127.0.0.1:${server.port}/` }))).sent, false);
});

test('waiting for a connection until the time is over: nothing left, and nothing leaves when there is one', async () => {
  connections = 1;
  const { server, ask } = await play((socket, count) => void (count === 1 && setTimeout(() => socket.write(httpAnswer('late')), 400)));
  const first = ask({ timeoutMs: 2_000 });
  await sleep(50);
  assert.equal((await failure(ask({ timeoutMs: 100 }))).sent, false);
  assert.equal((await first).body.toString(), 'late');
  await sleep(200);
  assert.equal(server.requests.length, 1);
});

test('accepted, then reset before reading: it may have left', async () => {
  const { ask } = await play(undefined, { onConnection: (socket) => void setTimeout(() => socket.resetAndDestroy(), 20) });
  assert.equal((await failure(ask())).sent, true);
});

test('accepted, read, then reset: it left, and is not sent again', async () => {
  const { server, ask } = await play((socket) => socket.resetAndDestroy());
  assert.equal((await failure(ask())).sent, true);
  await sleep(100);
  assert.deepEqual([server.requests.length, server.connections], [1, 1]);
});

test('accepted, read, then closed in order: it left, and is not sent again', async () => {
  const { server, ask } = await play((socket) => socket.end());
  assert.equal((await failure(ask())).sent, true);
  assert.equal((await failure(ask({ method: 'GET', body: undefined }))).sent, true, 'not even a GET is asked again by itself');
  await sleep(100);
  assert.equal(server.requests.length, 2);
});

test('accepted and closed at once, before anything is read: whatever is said, it is not sent twice', async () => {
  const { server, ask } = await play((socket) => socket.write(httpAnswer('ok')), {
    onConnection: (socket) => void (server.connections <= 1 && socket.resetAndDestroy()),
  });
  const outcome = await ask().catch((error: NetError) => error);
  if (outcome instanceof NetError) assert.ok(outcome.sent || server.requests.length === 0);
  await sleep(100);
  assert.ok(server.requests.length <= 1);
});

test('never answered: it left', async () => {
  const { server, ask } = await play(() => undefined);
  const error = await failure(ask({ timeoutMs: 200 }));
  assert.equal(error.sent, true);
  await sleep(50);
  assert.equal(server.sockets.size, 0, 'the connection is given up with it');
});

test('a keep-alive connection that the server closes while the next request is on its way: it may have left, and is not sent again', async () => {
  connections = 1;
  const { server, ask } = await play((socket, count) => (count === 1 ? socket.write(httpAnswer('ok')) : socket.resetAndDestroy()));
  await ask();
  assert.equal((await failure(ask())).sent, true);
  await sleep(100);
  assert.equal(server.requests.length, 2);
});

test('a keep-alive connection that the server has closed already is not used: the request goes over a new one, once', async () => {
  connections = 1;
  const { server, ask } = await play((socket) => {
    socket.write(httpAnswer('ok'));
    setTimeout(() => socket.end(), 10);
  });
  await ask();
  await sleep(100);
  assert.equal((await ask()).status, 200);
  assert.deepEqual([server.requests.length, server.connections], [2, 2]);
});

test('in the race between the two, a thousand times: never twice, and what was not answered is not called unsent', async () => {
  connections = 1;
  const seen = new Map<string, number>();
  const { server, ask } = await play((socket, _count, { requests }) => {
    const [, body = ''] = (requests.at(-1) as string).split('\r\n\r\n');
    seen.set(body, (seen.get(body) ?? 0) + 1);
    socket.write(httpAnswer('ok'));
    if (seen.size % 3 === 0) setImmediate(() => socket.destroy());
  });
  let lost = 0;
  for (let i = 0; i < 1_000; i++) {
    const outcome = await ask({ body: `n${i}` }).catch((error: NetError) => error);
    if (!(outcome instanceof NetError)) continue;
    lost++;
    if (!outcome.sent) assert.equal(seen.get(`n${i}`), undefined);
  }
  assert.ok(
    [...seen.values()].every((times) => times === 1),
    'each arrived at most once',
  );
  assert.ok(seen.size + lost >= 1_000 && server.connections > 1);
});

const cutOff: Record<string, string> = {
  'a body that ends before its content-length': 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status":"exec',
  'the same on a connection that is to be closed': 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{"status":"exec',
  'chunks without the last one': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
  'chunks without the last one, on a connection that is to be closed':
    'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
  'a chunk that is cut': 'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"a":',
  'the last chunk without its end': 'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n',
  'headers without an end': 'HTTP/1.1 200 OK\r\ncontent-le',
  'half a status line': 'HTTP/1.1 20',
  'nothing that is HTTP': 'SSH-2.0-OpenSSH_9.7\r\n',
};
for (const [what, text] of Object.entries(cutOff)) {
  for (const way of ['end', 'resetAndDestroy'] as const) {
    test(`${what}, then ${way === 'end' ? 'closed' : 'reset'}: no answer, and it left`, async () => {
      const { ask } = await play((socket) => socket.write(text, () => setTimeout(() => socket[way](), 10)));
      assert.equal((await failure(ask())).sent, true);
    });
  }
}

test('a body that ends with its connection is taken as it is: only what it says can tell that it is whole', async () => {
  const { ask } = await play((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n{"a":1}'));
  assert.equal((await ask()).body.toString(), '{"a":1}');
});

test('a large answer is read up to maxBytes and then left', async () => {
  const { server, ask } = await play((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n');
    const more = () => !socket.destroyed && socket.write(Buffer.alloc(65_536), () => setImmediate(more));
    more();
  });
  const { body, truncated } = await ask({ timeoutMs: 5_000 });
  assert.deepEqual([body.length, truncated], [1_000, true]);
  await sleep(50);
  assert.equal(server.sockets.size, 0);
});

test('exactly maxBytes are not too many', async () => {
  const { ask } = await play((socket) => socket.write(httpAnswer('x'.repeat(1_000))));
  assert.equal((await ask()).truncated, false);
});

test('redirects are answers like others', async () => {
  const { server, ask } = await play((socket) =>
    socket.write(httpAnswer('', { status: 307, headers: `location: http://127.0.0.1:${server.port}/elsewhere\r\n` })),
  );
  assert.equal((await ask()).status, 307);
  assert.equal(server.requests.length, 1);
});

test('informational answers come before the real one, though not without end', async () => {
  const { ask } = await play((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${httpAnswer('ok')}`));
  assert.equal((await ask()).status, 200);
  const endless = await play((socket) => {
    const more = () => !socket.destroyed && socket.write('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n', () => setImmediate(more));
    more();
  });
  assert.equal((await failure(endless.ask())).sent, true);
});

test('proxies that the environment names are not used', async () => {
  const { server, ask } = await play((socket) => socket.write(httpAnswer('ok')));
  const before = { ...process.env };
  Object.assign(process.env, { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9', ALL_PROXY: 'http://127.0.0.1:9' });
  try {
    assert.equal((await ask()).status, 200);
    assert.equal(server.requests.length, 1);
  } finally {
    process.env = before;
  }
});

test('closing lets what is in flight end', async () => {
  const { net, ask } = await play((socket) => void setTimeout(() => socket.write(httpAnswer('ok')), 100));
  const asked = ask();
  await sleep(30);
  await net.close();
  assert.equal((await asked).status, 200);
  assert.equal((await failure(ask())).sent, false);
});
