/** Endpoints that answer in order to hurt: without end, slowly, compressed, with endless headers. None holds a call for longer than its time, or much memory. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { guardedNet, type GuardedNet } from '../net.ts';
import { type NetAnswer, NetError } from '../ports.ts';
import { httpAnswer, type RawServer, rawServer } from './raw-server.fixture.ts';

let net: GuardedNet;
const servers: RawServer[] = [];
beforeAll(() => {
  net = guardedNet({ allowPrivate: true });
});
afterAll(async () => {
  await net.close();
  for (const server of servers) await server.close();
});

const TIMEOUT = 1_000;
const LIMIT = 64 * 1024;

async function serving(answer: (socket: Socket) => void): Promise<() => Promise<NetAnswer | NetError>> {
  const server = await rawServer(answer);
  servers.push(server);
  return () =>
    net
      .request({ method: 'POST', url: `http://127.0.0.1:${server.port}/`, headers: {}, body: '{}', timeoutMs: TIMEOUT, maxBytes: LIMIT })
      .catch((error: NetError) => error);
}

/** Writes pieces as fast as they are taken, or one each so many milliseconds. */
function pour(socket: Socket, first: string, piece: string | Buffer, everyMs = 0): void {
  const more = () => {
    if (socket.destroyed) return;
    if (everyMs > 0) socket.write(piece, () => setTimeout(more, everyMs));
    else socket.write(piece, () => setImmediate(more));
  };
  socket.write(first, more);
}

const OK = 'HTTP/1.1 200 OK\r\n';
const block = Buffer.alloc(64 * 1024, 120);
const attacks: Record<string, { answer(socket: Socket): void; truncated?: true }> = {
  'a body without end': { answer: (socket) => pour(socket, `${OK}\r\n`, block), truncated: true },
  'a length of eight exabytes': { answer: (socket) => pour(socket, `${OK}content-length: 9000000000000000000\r\n\r\n`, block), truncated: true },
  'chunks without end': { answer: (socket) => pour(socket, `${OK}transfer-encoding: chunked\r\n\r\n`, `10000\r\n${block.toString()}\r\n`), truncated: true },
  'a slow drip': { answer: (socket) => pour(socket, `${OK}content-length: 100000\r\n\r\n`, 'x', 50) },
  'a slow drip of headers': { answer: (socket) => pour(socket, OK, 'x-a: b\r\n', 50) },
  'a slow drip of a status line': { answer: (socket) => pour(socket, 'HTTP/1.1 200 ', 'O', 50) },
  'headers without end': { answer: (socket) => pour(socket, OK, `x-a: ${'b'.repeat(1000)}\r\n`) },
  'one header without end': { answer: (socket) => pour(socket, `${OK}x-a: `, block) },
  'trailers without end': { answer: (socket) => pour(socket, `${OK}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n`, `x-a: ${'b'.repeat(1000)}\r\n`) },
  'a chunk extension without end': { answer: (socket) => pour(socket, `${OK}transfer-encoding: chunked\r\n\r\n2;a=`, block) },
  'informational answers without end': { answer: (socket) => pour(socket, '', 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n') },
  'another protocol': { answer: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n') },
  'nothing at all': { answer: () => undefined },
};

for (const [what, { answer, truncated }] of Object.entries(attacks)) {
  test(`${what}: over in time, with at most 64 KB read`, async () => {
    const ask = await serving(answer);
    const began = performance.now();
    const outcome = await ask();
    assert.ok(performance.now() - began < TIMEOUT + 500);
    if (truncated) assert.ok(!(outcome instanceof NetError) && outcome.truncated && outcome.body.length === LIMIT);
    else assert.ok(outcome instanceof NetError && outcome.sent);
  });
}

test('a gzip bomb stays as it came', async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  const ask = await serving((socket) => {
    socket.write(`${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  });
  const outcome = await ask();
  assert.ok(!(outcome instanceof NetError));
  assert.ok(outcome.body.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])) && outcome.body.length <= LIMIT);
});

test('under all of them at once, memory stays flat and others are served', async () => {
  const good = await serving((socket) => socket.write(httpAnswer('ok')));
  const asks = await Promise.all(Object.values(attacks).map(({ answer }) => serving(answer)));
  await good();
  const before = process.memoryUsage.rss();
  let worst = 0;
  let stop = false;
  const watching = (async () => {
    while (!stop) {
      const began = performance.now();
      assert.ok(!((await good()) instanceof NetError));
      worst = Math.max(worst, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await Promise.all(Array.from({ length: 3 }, () => asks.map((ask) => ask())).flat());
  stop = true;
  await watching;
  assert.ok(worst < 900, `a good endpoint waited ${Math.round(worst)} ms`); // generous: attackers and victims share this process here
  assert.ok(process.memoryUsage.rss() - before < 150e6, `${Math.round((process.memoryUsage.rss() - before) / 1e6)} MB more`);
});
