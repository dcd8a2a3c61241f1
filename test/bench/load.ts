import { connect, type Socket } from 'node:net';

/** What a load came to. Milliseconds; percentiles over all answers of the measured time. */
export interface Measured {
  connections: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  answers: number;
}

export interface LoadOptions {
  port: number;
  connections: number;
  warmMs: number;
  measureMs: number;
  /** one whole HTTP request; called anew for each */
  request(n: number): string;
  expect: number;
}

/** Asks over kept connections, one request on each at a time, and times every answer. An unexpected status ends the run. */
export async function load({ port, connections, warmMs, measureMs, request, expect }: LoadOptions): Promise<Measured> {
  const from = performance.now() + warmMs;
  const until = from + measureMs;
  const times: number[] = [];
  let n = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const line = new Line(port);
      await line.open();
      for (;;) {
        const begun = performance.now();
        if (begun >= until) break;
        const status = await line.ask(request(n++));
        const ended = performance.now();
        if (status !== expect) throw new Error(`answered ${status}: ${line.lastBody}`);
        if (begun >= from && ended <= until) times.push(ended - begun);
      }
      line.close();
    }),
  );
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  return { connections, perSecond: Math.round(times.length / (measureMs / 1000)), p50Ms: at(0.5), p99Ms: at(0.99), answers: times.length };
}

export const round = (ms: number): number => Math.round(ms * 100) / 100;

/** One kept connection, with as little between the socket and the figure as can be: the load must not be what is measured. */
export class Line {
  lastBody = '';
  private readonly socket: Socket;
  private buffer = '';
  private done: ((status: number) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => this.read(chunk));
    this.socket.on('error', (error) => this.failed?.(error));
    this.socket.on('close', () => this.failed?.(new Error('the connection was closed')));
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.failed = reject;
      this.socket.once('connect', () => resolve());
    });
  }

  ask(request: string): Promise<number> {
    return new Promise((resolve, reject) => {
      [this.done, this.failed] = [resolve, reject];
      this.socket.write(request);
    });
  }

  close(): void {
    this.failed = undefined;
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.buffer = this.buffer ? this.buffer + chunk : chunk;
    const head = this.buffer.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /content-length: (\d+)/i.exec(this.buffer.slice(0, head))?.[1];
    if (length === undefined) throw new Error('an answer without its length');
    if (this.buffer.length < head + 4 + Number(length)) return;
    const status = Number(this.buffer.slice(9, 12));
    this.lastBody = this.buffer.slice(head + 4);
    this.buffer = '';
    this.done?.(status);
  }
}
