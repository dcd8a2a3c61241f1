import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { closedCheckout, hasty, isRoot, place, prepared, starter, tidy } from '../../test/embedded.fixture.ts';
import { exists } from './alive.ts';
import { link, packageOf } from './binaries.ts';
import { EmbeddedError, startEmbedded } from './embedded.ts';

const mounts: string[] = [];
afterAll(() => {
  for (const mount of mounts) spawnSync('umount', [mount]);
  tidy();
});
const quick = { log: () => {}, settings: hasty };
const nobody = { uid: 65534, gid: 65534 };

/** A file system of a few megabytes; undefined where we may not mount one. */
function smallDisk(megabytes: number): string | undefined {
  if (!isRoot) return undefined;
  const directory = place();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', directory]).status !== 0) return undefined;
  mounts.push(directory);
  return directory;
}

test('a disk that fills up while the database is created is named as such, and is given back', async ({ skip }) => {
  const disk = smallDisk(20);
  if (!disk) skip('needs a small disk, and we may not mount one');
  await assert.rejects(
    startEmbedded({ dataDir: join(disk!, 'data'), ...quick }),
    (error: Error) => error instanceof EmbeddedError && /The disk that holds .* is full/.test(error.message),
  );
  assert.deepEqual(
    readdirSync(join(disk!, 'data/postgres')).filter((name) => name.startsWith('data')),
    [],
  );
});

test('a disk that is full at a start is named as such, and nothing is lost', async ({ skip }) => {
  const disk = smallDisk(100);
  if (!disk) skip('needs a small disk, and we may not mount one');
  const dataDir = await prepared(join(disk!, 'data'));
  spawnSync('dd', ['if=/dev/zero', `of=${join(disk!, 'filler')}`, 'bs=4k']);
  assert.equal(statfsSync(disk!).bavail, 0);
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /The disk that holds .* is full/);
  rmSync(join(disk!, 'filler'));
  await (await startEmbedded({ dataDir, ...quick })).stop();
});

test('a directory that cannot be written says so, and for whom', async () => {
  const directory = place();
  chmodSync(directory, 0o555);
  const { answer } = await starter(join(directory, 'data'), isRoot ? nobody : {});
  chmodSync(directory, 0o711);
  assert.match(answer.error!, /EmbeddedError: The embedded database cannot use .*permission denied \(EACCES\) for the user that runs Tolem \(uid \d+\)/);
});

test.skipIf(!isRoot)('an ordinary user needs no account but his own (started here by root)', async () => {
  const dataDir = place();
  chownSync(dataDir, nobody.uid, nobody.gid);
  const one = await starter(dataDir, nobody);
  assert.equal(one.answer.error, undefined);
  await one.stop();
  // Root goes on with what belongs to the user, as the user.
  const server = await startEmbedded({ dataDir, ...quick });
  assert.equal(execFileSync('stat', ['-c', '%u', `/proc/${server.pid}`], { encoding: 'utf8' }).trim(), String(nobody.uid));
  await server.stop();
});

test.skipIf(!isRoot)('data of another user is not touched (needs root to make it)', async () => {
  const dataDir = await prepared();
  chownSync(dataDir, nobody.uid, nobody.gid);
  chownSync(join(dataDir, 'postgres'), nobody.uid, nobody.gid);
  for (const name of ['lock', 'users']) execFileSync('chown', ['-R', 'nobody', join(dataDir, 'postgres', name)]);
  const data = join(dataDir, 'postgres/data');
  execFileSync('chown', ['-R', '3', data]);
  const { answer } = await starter(dataDir, nobody);
  assert.match(answer.error!, /belongs to sys, and Tolem runs as nobody/);
  execFileSync('chown', ['-R', '0', data]);
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /belongs to root, as whom PostgreSQL refuses to run/);
  execFileSync('chown', ['-R', '54321', data]);
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /belongs to uid 54321, which has no account/);
});

test.skipIf(!isRoot)('a checkout that only root may enter works: binaries and data go elsewhere, and are found again (needs root)', async () => {
  const checkout = closedCheckout();
  const outside = join(place(), 'lib');
  const dataDir = join(checkout, 'data');
  const one = await starter(dataDir, { checkout, outside });
  assert.equal(one.answer.error, undefined);
  await one.kill();
  const { home } = JSON.parse(readFileSync(join(dataDir, 'postgres/elsewhere.json'), 'utf8'));
  assert.ok(home.startsWith(join(outside, 'data-')));
  assert.ok(existsSync(join(home, 'data/PG_VERSION')));
  assert.ok(readdirSync(outside).some((name) => name.startsWith('pg-18.4')));
  const two = await starter(dataDir, { checkout, outside });
  assert.equal(two.answer.adopted, true);
  await two.stop();
  assert.ok(!exists(two.answer.pid));

  // A copy of the directory must not open the same database; the directory that was moved keeps it.
  const copied = join(checkout, 'copied');
  cpSync(dataDir, copied, { recursive: true });
  await assert.rejects(startEmbedded({ dataDir: copied, outside, ...quick }), /is a copy of .* and names the same database/);
  const moved = join(checkout, 'moved');
  renameSync(dataDir, moved);
  await (await startEmbedded({ dataDir: moved, outside, ...quick })).stop();

  // An empty database never takes the place of one that is missing.
  renameSync(home, `${home}.away`);
  await assert.rejects(startEmbedded({ dataDir: moved, outside, ...quick }), /that is not there\. Bring it back/);
});

test.skipIf(!isRoot)('a database that has become unreachable is not replaced by an empty one (needs root)', async () => {
  const parent = place();
  const dataDir = await prepared(join(parent, 'data'));
  chmodSync(parent, 0o700);
  await assert.rejects(startEmbedded({ dataDir, ...quick }), new RegExp(`who cannot enter ${parent}\\. Let others pass \\(chmod o\\+x ${parent}\\)`));
});

test('a platform without binaries is told which have them, and the way out', () => {
  assert.throws(() => packageOf('sunos-sparc'), /There is no embedded PostgreSQL for sunos-sparc \(there is for linux-x64, .*set DATABASE_URL/);
  const absent = process.platform === 'darwin' ? 'linux-arm64' : 'darwin-arm64';
  assert.throws(() => packageOf(absent), /is not installed: .*npm ci --include=optional/);
});

test('links among the libraries are made when npm did not run the install script', () => {
  const directory = place();
  const list = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }];
  mkdirSync(join(directory, 'native/lib'), { recursive: true });
  writeFileSync(join(directory, 'native/lib/libx.so.1.2'), 'x');
  writeFileSync(join(directory, 'native/pg-symlinks.json'), JSON.stringify(list));
  assert.ok(link(directory));
  assert.ok(link(directory));
  assert.equal(readFileSync(join(directory, 'native/lib/libx.so.1'), 'utf8'), 'x');
});
