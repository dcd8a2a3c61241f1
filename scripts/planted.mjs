/**
 * planted.mjs: a test that never failed proves nothing. Each file of test/planted is a bug, as a patch of a few lines, with the command that must
 * catch it and what that command then says. Every bug is put into a scratch copy of the tree, alone, and its command run there.
 *
 *   node scripts/planted.mjs [--only NAME,NAME] [--with vitest|sim|torture] [--skip-clean] [--json]
 *
 * A command must first succeed on the tree as it is (--skip-clean believes that). Prints a table, and one JSON line last; exit 1 unless all were caught.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { root, script } from './install.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string' }, with: { type: 'string' }, 'skip-clean': { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const node = process.execPath;
const compiler = join('node_modules', 'typescript', 'bin', 'tsc');
const say = (line = '') => void (values.json ? process.stderr : process.stdout).write(`${line}\n`);

let running;
let scratch;
const clear = () => scratch && rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
process.on('exit', clear);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    end(running);
    process.exit(130);
  });
}

await script(async () => {
  const bugs = chosen();
  scratch = copy();
  const broken = values['skip-clean'] ? new Map() : await onCleanTree(bugs);
  const results = [];
  for (const bug of bugs) {
    const result = broken.has(bug.command) ? { caught: false, why: 'its command fails on the tree as it is', seconds: 0 } : await tried(bug);
    results.push({ name: bug.name, what: bug.what, command: bug.command, ...result });
    say(
      `${result.caught ? 'caught ' : 'MISSED '} ${bug.name.padEnd(34)} ${String(result.seconds).padStart(4)} s  ${bug.command}${result.caught ? '' : `\n        ${bug.what}: ${result.why}`}`,
    );
  }
  const caught = results.filter((result) => result.caught).length;
  say();
  if (values.json) process.stdout.write(`${JSON.stringify({ results })}\n`);
  process.stdout.write(`${JSON.stringify({ planted: results.length, caught })}\n`);
  process.exitCode = caught === results.length && results.length > 0 ? 0 : 1;
});

function chosen() {
  const folder = join(root, 'test', 'planted');
  const all = readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => read(join(folder, name)));
  const only = values.only?.split(',');
  return all.filter(({ name, command }) => (!only || only.includes(name)) && (!values.with || command.startsWith(values.with)));
}

/** A patch: lines "What:", "Caught by:", "Says:" (a regular expression) and "Within:" (seconds), and a unified diff. */
function read(file) {
  const text = readFileSync(file, 'utf8');
  const begin = text.indexOf('\n--- ') + 1;
  const field = (name) => new RegExp(`^${name}: (.+)$`, 'm').exec(text.slice(0, begin))?.[1];
  const [what, command, says, within] = ['What', 'Caught by', 'Says', 'Within'].map(field);
  if (!begin || !what || !command || !says) throw new Error(`${file} lacks What, Caught by, Says or the diff`);
  return { name: basename(file, '.patch'), what, command, says: new RegExp(says), seconds: Number(within ?? 120), changes: changesIn(text.slice(begin)) };
}

/** Hunks by their text alone, so that a patch fits as long as its lines are there, wherever they are. */
function changesIn(diff) {
  const changes = [];
  let file;
  for (const line of diff.split('\n')) {
    if (line.startsWith('--- ')) continue;
    if (line.startsWith('+++ ')) file = line.slice('+++ b/'.length).trim();
    else if (line.startsWith('@@')) changes.push({ file, before: [], after: [] });
    else if (changes.length > 0 && line !== '') {
      const [kind, rest] = [line[0], line.slice(1)];
      if (kind !== '+') changes.at(-1).before.push(rest);
      if (kind !== '-') changes.at(-1).after.push(rest);
    }
  }
  return changes.map(({ file, before, after }) => ({ file, before: before.join('\n'), after: after.join('\n') }));
}

function copy() {
  const folder = mkdtempSync(join(tmpdir(), `tolem-planted-${process.pid}-`));
  const left = new Set(['node_modules', 'dist', '.git', '.tolem', join('test', 'output')]);
  cpSync(root, folder, { recursive: true, filter: (path) => !left.has(relative(root, path)) });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** @returns the commands that fail without any bug, and so prove nothing */
async function onCleanTree(bugs) {
  const broken = new Map();
  for (const command of new Set(bugs.map((bug) => bug.command))) {
    const { code, output, seconds } = await run(command, 600);
    say(`${code === 0 ? 'clean  ' : 'BROKEN '} ${''.padEnd(34)} ${String(seconds).padStart(4)} s  ${command}`);
    if (code === 0) continue;
    broken.set(command, output);
    say(output.split('\n').slice(-30).join('\n'));
  }
  return broken;
}

async function tried(bug) {
  const files = new Map();
  try {
    for (const { file, before, after } of bug.changes) {
      const path = join(scratch, file);
      const text = readFileSync(path, 'utf8');
      if (!files.has(path)) files.set(path, text);
      if (text.split(before).length !== 2) return { caught: false, why: `the patch does not fit ${file} any more`, seconds: 0 };
      writeFileSync(
        path,
        text.replace(before, () => after),
      );
    }
    const { code, output, seconds } = await run(bug.command, bug.seconds);
    const said = bug.says.test(output);
    const why = code === 0 ? 'the command succeeds' : code === null ? `not over after ${bug.seconds} s` : `the command fails, and does not say ${bug.says}`;
    if (code !== 0 && !said) say(output.split('\n').slice(-15).join('\n'));
    return { caught: code !== 0 && code !== null && said, why, seconds };
  } finally {
    for (const [path, text] of files) writeFileSync(path, text);
  }
}

/** "vitest …" runs tests from source; "sim …" and "torture …" run a harness from a build. */
async function run(command, budget) {
  const [harness, ...args] = command.split(' ');
  const began = performance.now();
  const timer = AbortSignal.timeout(budget * 1000);
  const steps =
    harness === 'vitest'
      ? [['node_modules/vitest/vitest.mjs', 'run', ...args]]
      : [
          [compiler, '-p', 'tsconfig.build.json'],
          [join('dist', 'test', harness, 'main.js'), ...args],
        ];
  let result = { code: 0, output: '' };
  for (const [i, step] of steps.entries()) {
    result = await spawned(step, timer);
    if (i === steps.length - 1 || result.code === null) break; // a build with errors of types still builds
  }
  return { ...result, seconds: Math.round((performance.now() - began) / 1000) };
}

function spawned(args, timer) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, NO_COLOR: '1' } });
    running = child;
    let output = '';
    let late = false;
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-200_000)));
    timer.addEventListener('abort', () => {
      late = true;
      end(child);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      running = undefined;
      resolve({ code: late ? null : (code ?? 1), output });
    });
  });
}

/** What was started, with all that it started: asked first, since a harness clears up after itself. */
function end(child) {
  if (!child?.pid || child.exitCode !== null) return;
  const group = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // it has ended
    }
  };
  group('SIGTERM');
  setTimeout(() => group('SIGKILL'), 10_000).unref();
}
