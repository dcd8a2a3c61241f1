/** The scripts behind npm start, npm test and npx tolem, in a small clone of their own, with an npm that installs only a compiler. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, test } from 'vitest';
import { exists } from '../src/embedded/alive.ts';
import { root } from '../src/root.ts';

const clone = mkdtempSync(join(tmpdir(), 'tolem-clone-'));
afterAll(() => rmSync(clone, { recursive: true, force: true }));

const write = (name: string, text: string): void => {
  mkdirSync(join(clone, name, '..'), { recursive: true });
  writeFileSync(join(clone, name), text);
};

const env = { ...process.env, npm_execpath: join(clone, 'fake/npm-cli.js'), npm_lifecycle_event: '' };

/** Runs one of the scripts, as npm would. */
function run(script: string, ...args: string[]): { status: number | null; out: string; told: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, script), ...args], { encoding: 'utf8', env, cwd: tmpdir() });
  return { status, out: stdout, told: stderr };
}

for (const name of ['scripts', 'bin', 'tsconfig.json', 'tsconfig.build.json']) cpSync(join(root, name), join(clone, name), { recursive: true });
write('package.json', '{"name":"tolem","type":"module"}');
write('package-lock.json', '{}');
write('src/cli/main.ts', `const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify(args));\nprocess.exitCode = 3;\n`);
write('test/sim/main.ts', `console.log('sim', ...process.argv.slice(2));\n`);
// npm ci: the folder is made, the compiler linked, and the lock file noted last.
write('fake/package.json', '{"type":"commonjs"}');
write(
  'fake/npm-cli.js',
  `
  const fs = require('node:fs');
  fs.rmSync('node_modules', { recursive: true, force: true });
  fs.mkdirSync('node_modules/@types', { recursive: true });
  for (const name of ['typescript', '@types/node', 'undici-types', 'vitest']) fs.symlinkSync(${JSON.stringify(join(root, 'node_modules'))} + '/' + name, 'node_modules/' + name);
  fs.writeFileSync('node_modules/.package-lock.json', '{}');
  console.log('npm', process.argv[2]);
`,
);

test("a fresh clone is installed and built, once; its output is the command's own", () => {
  const first = run('bin/tolem.mjs', 'merchant', 'create', '--json');
  assert.deepEqual([first.status, first.out], [3, '["merchant","create","--json"]\n'], first.told);
  assert.match(first.told, /Installing dependencies[^]*npm ci[^]*Installed in \d+ s\.[^]*Building …[^]*Built in \d+ s\./);
  assert.deepEqual(run('scripts/start.mjs', '--port', '1'), { status: 3, out: '["start","--port","1"]\n', told: '' });
  assert.deepEqual(run('scripts/harness.mjs', 'sim', '--seed', '7'), { status: 0, out: 'sim --seed 7\n', told: '' });
});

test('it is built again when a source has changed, and installed again when the lock file is newer', () => {
  write('test/sim/main.ts', `console.log('another sim');\n`);
  const changed = run('scripts/harness.mjs', 'sim');
  assert.deepEqual([changed.status, changed.out], [0, 'another sim\n']);
  assert.match(changed.told, /^Building …\nBuilt in \d+ s\.\n$/);
  const later = new Date(statSync(join(clone, 'package-lock.json')).mtimeMs + 60_000);
  utimesSync(join(clone, 'package-lock.json'), later, later);
  utimesSync(join(clone, 'node_modules/.package-lock.json'), 0, 0);
  assert.match(run('scripts/harness.mjs', 'sim').told, /^Installing dependencies/);
  utimesSync(join(clone, 'package-lock.json'), 0, 0);
  assert.equal(run('scripts/harness.mjs', 'sim').told, '');
});

test('a build that fails is told by the compiler, and is tried again', () => {
  write('src/cli/main.ts', `export const wrong: number = 'text';\n`);
  for (const _ of [1, 2]) {
    const { status, out, told } = run('bin/tolem.mjs');
    assert.deepEqual([status, out], [1, '']);
    assert.match(told, /error TS2322[^]*ended with exit code [12]; what it said is above/);
  }
  assert.match(run('scripts/harness.mjs', 'none').told, /TS2322/);
});

test('the build lock of a dead process is not waited for', () => {
  write('src/cli/main.ts', `console.log('right');\n`);
  write('dist/.lock', '2147483646');
  assert.equal(run('bin/tolem.mjs').out, 'right\n');
  assert.ok(!existsSync(join(clone, 'dist/.lock')));
  assert.match(run('scripts/harness.mjs', 'none').told, /There is no .*none.main\.js/);
});

test('signals reach the platform, also that of a killed npm', async () => {
  write(
    'src/cli/main.ts',
    `
    process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });
    setInterval(() => {}, 1000);
    console.log(String(process.pid));
  `,
  );
  assert.equal(run('scripts/harness.mjs', 'sim').status, 0); // builds
  // As npm does it: with a shell between, that stays or becomes the script. The signal goes to the shell, or to npm.
  const start = `"${process.execPath}" "${join(clone, 'scripts/start.mjs')}"`;
  const npm = `require('node:child_process').spawn('/bin/sh', ['-c', process.argv[1]], { stdio: 'inherit' })`;
  const told = { env: { ...env, npm_lifecycle_event: 'start' } };
  for (const [signal, parent] of [
    ['SIGTERM', spawn('/bin/sh', ['-c', `${start}; true`], told)],
    ['SIGTERM', spawn('/bin/sh', ['-c', `exec ${start}`], told)],
    ['SIGKILL', spawn(process.execPath, ['-e', npm, `${start}; true`], told)],
    ['SIGKILL', spawn(process.execPath, ['-e', npm, `exec ${start}`], told)],
  ] as const) {
    let out = '';
    parent.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    while (!out.includes('\n')) await sleep(10);
    parent.kill(signal);
    while (exists(Number.parseInt(out, 10))) await sleep(20);
    assert.match(out, /^\d+\ndrained\n$/);
  }
});

test('npm test runs vitest with its arguments, and ends as it does', () => {
  const { status, out, told } = run('scripts/test.mjs', '--passWithNoTests', 'no-such-test');
  assert.equal(status, 0, told);
  assert.match(out + told, /no-such-test/);
  assert.equal(run('scripts/test.mjs', 'no-such-test').status, 1);
});
