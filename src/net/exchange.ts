import type { Dispatcher } from 'undici';
import { NetError, type NetAnswer, type NetRequest } from '../ports.ts';

/** Informational answers (1xx) before the real one; more is somebody who keeps us listening. */
const MAX_INFORMATIONAL = 8;

type Controller = Dispatcher.DispatchController;
type Headers = Record<string, string | string[] | undefined>;

/** The request was given up before it began: thrown where undici is about to write it, which keeps it from doing so. */
class NotWritten extends Error {}

/**
 * One request and its answer. Whether bytes may have left is known from one fact: undici says `onRequestStart` directly
 * before it writes to a connected socket, and never writes without it. It may come to that a second time, when a socket
 * dies and the dispatcher has another; what was begun once is not begun again here.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** @throws {NetError} */
  readonly answer: Promise<NetAnswer>;
  private resolve!: (answer: NetAnswer) => void;
  private reject!: (error: NetError) => void;
  private readonly timer: NodeJS.Timeout;
  private readonly maxBytes: number;
  private controller: Controller | undefined;
  private begun = false;
  private settled = false;
  private status = 0;
  private headers: Record<string, string> = {};
  private informational = 0;
  private chunks: Buffer[] = [];
  private size = 0;

  constructor({ timeoutMs, maxBytes }: NetRequest) {
    this.maxBytes = maxBytes;
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.timer = setTimeout(() => this.giveUp(`no whole answer within ${timeoutMs} ms`), timeoutMs);
  }

  onRequestStart(controller: Controller): void {
    if (this.settled || this.begun) throw new NotWritten('this request is not to be written');
    this.begun = true;
    this.controller = controller;
  }

  onResponseStart(_controller: Controller, status: number, headers: Headers): void {
    if (status < 200) {
      if (++this.informational > MAX_INFORMATIONAL) this.giveUp('informational answers without end');
      return;
    }
    this.status = status;
    for (const [name, value] of Object.entries(headers)) this.headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.settled) return;
    const room = this.maxBytes - this.size;
    // Copied: a piece of what the socket read would keep all of it in memory.
    if (room > 0) this.chunks.push(Buffer.from(chunk.length > room ? chunk.subarray(0, room) : chunk));
    this.size += chunk.length;
    if (this.size > this.maxBytes) this.finish(true);
  }

  onResponseEnd(): void {
    this.finish(false);
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (error instanceof NotWritten && this.begun) return this.fail(new NetError('the connection was lost', true)); // a second start
    this.fail(new NetError(wordsFor(error), this.begun, { cause: error }));
  }

  private finish(truncated: boolean): void {
    if (!this.settle()) return;
    this.resolve({
      status: this.status,
      headers: this.headers,
      body: this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks),
      truncated,
    });
    if (truncated) this.controller?.abort(new Error('read enough'));
  }

  private giveUp(why: string): void {
    this.fail(new NetError(why, this.begun));
    this.controller?.abort(new Error(why));
  }

  private fail(error: NetError): void {
    if (this.settle()) this.reject(error);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.timer);
    return true;
  }
}

/** An error in a few words: what the operating system calls it, and what was said. */
function wordsFor(error: Error): string {
  const { code } = error as { code?: unknown };
  const first = (error as { errors?: unknown[] }).errors?.[0]; // one for each address that was tried
  const message = error.message || (first instanceof Error ? first.message : '') || 'failed';
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
}
