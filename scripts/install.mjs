/**
 * install.mjs: makes a clone ready to run, with nothing but Node and npm: installs the dependencies when the lock file is newer than what
 * is installed, and compiles when a source differs from what was compiled. Prints to stderr, so that stdout is the command's own.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The clone. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const lockFile = join(root, 'package-lock.json');
const installedLock = join(root, 'node_modules', '.package-lock.json'); // npm writes it last
const stamp = join(root, 'dist', '.stamp');
const say = (line) => process.stderr.write(`${line}\n`);

/** Installs what package-lock.json says, unless it is installed. */
export async function installed() {
  needNode();
  if (hasInstalled()) return;
  await alone(async () => {
    if (hasInstalled()) return;
    say('Installing dependencies (npm ci). This happens once and takes about half a minute …');
    // A build needs the development dependencies, whatever NODE_ENV or npm's configuration leave out.
    const { seconds } = await run(...npm('ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'));
    say(`Installed in ${seconds} s.`);
  });
}

/** Installs, and compiles what has changed. */
export async function built() {
  await installed();
  if (isBuilt(fingerprint())) return;
  await alone(async () => {
    const now = fingerprint();
    if (isBuilt(now)) return;
    say('Building …');
    const { seconds } = await run(process.execPath, join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json'));
    writeFileSync(stamp, now); // as of before the build: what was edited meanwhile is built next time
    say(`Built in ${seconds} s.`);
  });
}

/**
 * Becomes the program `file` with these arguments. In this process: a child would have to be told of every signal, would be told twice of
 * a Ctrl-C (which goes to the whole process group), and would outlive a kill of its parent.
 */
export async function become(file, args) {
  if (!existsSync(file)) throw new Failure(`There is no ${file}.`);
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}

/** Runs a script; a failure that is explained in a sentence needs no stack. */
export async function script(steps) {
  try {
    await steps();
  } catch (error) {
    say(error instanceof Failure ? error.message : error.stack);
    process.exit(1);
  }
}

class Failure extends Error {}

function needNode() {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(process.version).map(Number);
  if (major > 20 || (major === 20 && minor >= 20)) return;
  throw new Failure(`Tolem needs Node.js 20.20 or newer, and this is ${process.version}.`);
}

const hasInstalled = () => existsSync(installedLock) && (!existsSync(lockFile) || statSync(installedLock).mtimeMs >= statSync(lockFile).mtimeMs);

const isBuilt = (now) => existsSync(stamp) && readFileSync(stamp, 'utf8') === now;

/** What the build is made of, by content: times change with every clone, copy and checkout. A few milliseconds. */
function fingerprint() {
  const hash = createHash('sha256');
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'));
  for (const name of ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...include.flatMap(sources)]) {
    if (existsSync(join(root, name)))
      hash
        .update(`${name}\0`)
        .update(readFileSync(join(root, name)))
        .update('\0');
  }
  return hash.digest('hex');
}

function sources(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? sources(`${folder}/${entry.name}`) : /(?<!\.test)\.(ts|tsx|json)$/.test(entry.name) ? [`${folder}/${entry.name}`] : [],
    );
}

/** npm as it runs us, or the one in the PATH. */
function npm(...args) {
  const { npm_execpath: path = '' } = process.env;
  if (/^np[mx]-cli\.[cm]?js$/.test(basename(path))) return [process.execPath, join(dirname(path), 'npm-cli.js'), ...args];
  return process.platform === 'win32' ? ['cmd', '/c', 'npm', ...args] : ['npm', ...args];
}

/** Runs a program in the clone, and is patient aloud. A signal that ends us ends it too. */
async function run(program, ...args) {
  const began = process.hrtime.bigint();
  const seconds = () => Math.round(Number(process.hrtime.bigint() - began) / 1e9);
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
  const pass = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
  const heart = setInterval(() => say(`… ${seconds()} s`), 10_000);
  try {
    const [code, signal] = await new Promise((resolve, reject) => child.on('error', reject).on('exit', (...how) => resolve(how)));
    if (signal) process.exit(1); // interrupted: nothing to explain
    if (code !== 0) throw new Failure(`${[basename(program), ...args].join(' ')}\nended with exit code ${code}; what it said is above.`);
    return { seconds: seconds() };
  } catch (error) {
    if (error.code === 'ENOENT') throw new Failure(`${program} was not found. It comes with Node.js; is it in the PATH?`);
    throw error;
  } finally {
    clearInterval(heart);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeListener(name, pass);
  }
}

/** One process at a time installs or builds; a second one waits, and then finds the work done. */
async function alone(work) {
  const file = join(root, 'dist', '.lock');
  mkdirSync(dirname(file), { recursive: true });
  for (let told = false; !claim(file); told = true) {
    if (!told) say('Waiting for another process that installs or builds …');
    await sleep(200);
  }
  const release = () => rmSync(file, { force: true });
  process.on('exit', release);
  try {
    await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function claim(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw new Failure(`${dirname(file)} cannot be written (${error.code}): install and build as the user that owns ${root}.`);
    if (isAbandoned(file)) rmSync(file, { force: true });
    return false;
  }
}

/** Its process has died. At worst two find that out at once, and build twice. */
function isAbandoned(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid === 0) return statSync(file).mtimeMs < Date.now() - 5000; // made, and not yet written
    process.kill(pid, 0);
    return statSync(file).mtimeMs < Date.now() - 15 * 60_000; // another process has the number now
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
