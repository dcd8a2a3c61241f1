/** The bank's desk over HTTP, and how an answer misbehaves on a real connection. */
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../ports.ts';
import { BankStopped } from './bank.ts';
import { bodyLimit, standingHeaders, tooLarge, type Desk } from './desk.ts';
import { onLine, refusal, type Reply } from './reply.ts';
import type { Promises } from './script.ts';

export interface ServerParts extends Promises {
  host: string;
  port: number;
  /** Requests that come before it resolves wait for it. */
  desk: Promise<Desk>;
  clock: Clock;
  /** A mistake of ours, answered 500. */
  onError: (error: Error) => void;
}

/** A client that goes on sending a body that is too large gets this much patience, so that it can read why. */
const drainBytes = 1024 * 1024;

export class BankServer {
  readonly #parts: ServerParts;
  readonly #standing: Record<string, string>;
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #exchanges = new Set<Promise<void>>();

  private constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#standing = standingHeaders(parts);
    setMaxListeners(0, this.#stop.signal); // every slow answer listens
    // A request must have arrived well within Max-In-Flight-Seconds; connections stay open longer than a client keeps them idle.
    const requestTimeout = Math.min(20_000, parts.maxInFlightSeconds * 500);
    const limits = {
      headersTimeout: requestTimeout / 2,
      requestTimeout,
      connectionsCheckingInterval: requestTimeout / 10,
      keepAliveTimeout: 120_000,
      noDelay: true,
    };
    this.#server = createServer(limits, (request, response) => this.#serve(request, response));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuseGarbage(error, socket as Socket));
  }

  /** Listens. @throws when the port is taken */
  static async listen(parts: ServerParts): Promise<BankServer> {
    const server = new BankServer(parts);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(parts.port, parts.host, 2048, resolve);
    });
    return server;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** No new requests; those that are being answered are; who waits for nothing (silent lines) is cut off. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#stop.abort();
    await Promise.allSettled(this.#exchanges);
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {}); // the client went away; what was done is in the journal
    const exchange = this.#exchange(request, response).catch((error: Error) => this.#broken(error, response));
    this.#exchanges.add(exchange);
    void exchange.then(() => this.#exchanges.delete(exchange));
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === 'aborted') return;
    if (body === 'too large') return void this.#send(response, onLine({ ...tooLarge, headers: { connection: 'close' } }, { way: 'whole' }, 1));
    const { method = 'GET', url: target = '/', headers } = request;
    const desk = await this.#parts.desk;
    const reply = await desk.answer({ method, target, authorization: headers.authorization, body });
    if (reply.delayMs > 0) await this.#parts.clock.sleep(reply.delayMs, this.#stop.signal);
    await this.#carry(response, reply);
  }

  async #carry(response: ServerResponse, reply: Reply): Promise<void> {
    switch (reply.way) {
      case 'whole':
        return this.#send(response, reply);
      case 'silent':
        return; // until the client gives up
      case 'dropped':
        return void response.socket?.destroy();
      case 'cut': {
        const bytes = this.#head(response, reply);
        return void response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroy());
      }
      case 'dripped':
        return this.#drip(response, reply);
    }
  }

  #send(response: ServerResponse, reply: Reply): void {
    response.end(this.#head(response, reply));
  }

  async #drip(response: ServerResponse, reply: Reply): Promise<void> {
    for (const byte of this.#head(response, reply)) {
      if (response.destroyed || this.#stop.signal.aborted) return;
      response.write(Buffer.of(byte));
      await this.#parts.clock.sleep(1000 * this.#parts.pace, this.#stop.signal);
    }
    response.end();
  }

  /** Writes status and headers. @returns the body's bytes */
  #head(response: ServerResponse, { status, body, headers }: Reply): Buffer {
    const bytes = Buffer.from(body);
    response.writeHead(status, { ...this.#standing, 'content-length': bytes.length, ...headers });
    return bytes;
  }

  #broken(error: Error, response: ServerResponse): void {
    // Without its journal the bank cannot say what it did; an answer would be a guess.
    if (error instanceof BankStopped || response.headersSent) return void response.socket?.destroy();
    this.#parts.onError(error);
    this.#send(response, onLine(refusal(500, 'internal error'), { way: 'whole' }, 1));
  }

  /** What is not HTTP, or too slow or too long to be, has no response object; it gets the same headers nevertheless. */
  #refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const status =
      error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : error.code === 'HPE_HEADER_OVERFLOW'
          ? '431 Request Header Fields Too Large'
          : '400 Bad Request';
    const { body } = refusal(400, 'the request is not HTTP as it should be');
    const headers = Object.entries({ ...this.#standing, 'content-length': String(Buffer.byteLength(body)), connection: 'close' });
    socket.end(`HTTP/1.1 ${status}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  }
}

function bodyOf(request: IncomingMessage): Promise<Buffer | 'aborted' | 'too large'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bodyLimit) return void chunks.push(chunk);
      resolve('too large');
      if (length > drainBytes) request.destroy();
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => resolve('aborted')); // after `end`, nothing changes any more
    request.on('error', () => resolve('aborted'));
  });
}
