import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../src/root.ts';

/** The command line as its user has it: the built code, in processes of their own. */

export type Env = Record<string, string>;

export interface Ran {
  code: number | null;
  out: string;
  told: string;
}

/** Milliseconds for a test: each command is a process that starts, on a machine that may be busy. */
export const patience = 60_000;

const main = join(root, 'dist/src/cli/main.js');

/** Compiles what has changed, as `npx tolem` does. */
export async function build(): Promise<void> {
  const { code, told } = await ran(
    [process.execPath, '--input-type=module', '-e', `await (await import(${JSON.stringify(join(root, 'scripts/install.mjs'))})).built()`],
    { PATH: process.env.PATH ?? '' },
  );
  if (code !== 0) throw new Error(`the build failed:\n${told}`);
}

/** A folder for DATA_DIR, and the environment that nothing of ours leaks into. */
export function workplace(databaseUrl: string): { env: Env; dataDir: string; leave(): void } {
  const dataDir = mkdtempSync(join(tmpdir(), 'tolem-cli-'));
  return {
    dataDir,
    env: { PATH: process.env.PATH ?? '', DATA_DIR: dataDir, DATABASE_URL: databaseUrl },
    leave: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

/** Runs `tolem` to its end. */
export const tolem = (env: Env, ...args: string[]): Promise<Ran> => ran([process.execPath, main, ...args], env);

/** Runs `tolem` into a pipe whose reader begins after some seconds: more is written by then than a pipe holds. */
export const tolemReadLate = (env: Env, ...args: string[]): Promise<Ran> =>
  ran(['/bin/sh', '-c', '"$0" "$@" | (sleep 3; cat)', process.execPath, main, ...args], env);

/** Runs a program to its end. @throws when it is not there */
export async function ran([program, ...args]: string[], env: Env): Promise<Ran> {
  const child = spawn(program as string, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, told] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, out, told };
}

/** Programs that read the export and say whether they believe it; none of them knows anything of this one. */
const programs = { hledger: ['hledger', 'check', '-f'], ledger: ['ledger', 'bal', '-f'], beancount: ['bean-check'] } as const;
export type Format = keyof typeof programs;
export const formats = Object.keys(programs) as Format[];

/** Lets the program of a format read an export. @returns what it says, or undefined, said in a line, where it is not installed */
export const believed = (dataDir: string, format: Format, text: string): Promise<Ran | undefined> => accountant(dataDir, format, text, [...programs[format]]);

/** Runs a program of accountants over an export, which becomes its last argument. */
export async function accountant(dataDir: string, format: Format, text: string, command: string[]): Promise<Ran | undefined> {
  const file = join(dataDir, `books.${format}`);
  writeFileSync(file, text);
  try {
    return await ran([...command, file], { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', HOME: dataDir });
  } catch {
    process.stderr.write(`skipped: ${command[0]} is not installed\n`);
    return undefined;
  }
}

export interface Process {
  pid: number;
  /** Waits for a line of the log. @returns it */
  logged(event: string): Promise<Record<string, any>>;
  /** Asks it to stop. @returns how it ended, and what it said on stdout in all its life */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: string | null; out: string; lines: Record<string, any>[] }>;
}

const running = new Set<{ kill(signal: NodeJS.Signals): boolean }>();

/** Ends what a test that failed has left running. */
export const endAll = (): void => running.forEach((child) => child.kill('SIGKILL'));

export function start(env: Env, ...args: string[]): Process {
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let [out, told] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('close', (code, signal) => (running.delete(child), resolve({ code, signal }))),
  );
  const lines = () =>
    told
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, any>);
  return {
    pid: child.pid as number,
    logged: (event) =>
      eventually(() => {
        if (child.exitCode !== null) throw new Error(`tolem ${args.join(' ')} ended with ${child.exitCode}:\n${told}`);
        return lines().find((line) => line.event === event);
      }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return { ...(await ended), out, lines: lines() };
    },
  };
}

/** Looks until there is something, for as long as a test may take. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const until = performance.now() + patience - 5_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`not within a minute: ${look.toString()}`);
    await sleep(30);
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Keys {
  merchantId: string;
  apiKey: string;
  token: string;
  clientKey: string;
  webhookToken: string;
}

/** A merchant's own program: calls of the API. */
export function client(base: string, { apiKey }: Keys) {
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<any> => {
    const answer = await fetch(base + path, {
      method,
      headers: { authorization: apiKey, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const said: any = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(said)}`);
    return said;
  };
  return {
    call,
    /** Tops up and saves a card, in the way that the welcome of npm start shows. @returns the card's token */
    async prepare(amount: number, card = '4111111111111111'): Promise<string> {
      await call('POST', '/v1/sandbox/topup', { amount, currency: 'KZT' });
      const { url } = await call('POST', '/v1/cards', { customer: { externalUserId: `user-${card.slice(-4)}` } });
      const page = await fetch(base + new URL(url).pathname, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ number: card, expiry: '12/39' }),
      });
      if (page.status >= 400) throw new Error(`the card page answered ${page.status}`);
      const saved = [...JSON.stringify(await call('GET', '/v1/events')).matchAll(/"cardTokenId":"([^"]+)"/g)].at(-1)?.[1];
      if (!saved) throw new Error(`no card was saved; the page said ${page.status}: ${await page.text()}`);
      return saved;
    },
    pay: (tokenId: string, amount = 1500): Promise<any> => call('POST', '/v1/payout', { tokenId, amount, currency: 'KZT' }),
    becomes: (id: string, status: string): Promise<any> =>
      eventually(async () => {
        const { data } = await call('GET', '/v1/payout');
        return (data as any[]).find((payout) => payout.id === id && payout.status === status);
      }),
  };
}
