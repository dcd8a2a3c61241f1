/** Commands that answer and end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { databaseUrl, freshDatabase } from '../harness/template.ts';
import { withOwner } from '../../src/db/session.ts';
import { root } from '../../src/root.ts';
import { build, type Env, type Keys, patience, tolem, workplace } from './tolem.fixture.ts';

let env: Env;
let place: ReturnType<typeof workplace>;
let keys: Keys;
beforeAll(async () => {
  await build();
  place = workplace(await freshDatabase(inject('postgres')));
  env = place.env;
  keys = JSON.parse((await tolem(env, 'merchant', 'create', '--name', 'Shop', '--json')).out) as Keys;
}, 2 * patience);
afterAll(() => place.leave());

const masterKey = Buffer.alloc(32, 5).toString('base64');

test(
  'migrate brings an empty database to this version, and finds nothing to do the second time',
  async () => {
    const name = `t_cli_${process.pid}_${Date.now()}`;
    await withOwner(inject('postgres'), (session) => session.exec(`create database ${name}`));
    const at = { ...env, DATABASE_URL: databaseUrl(inject('postgres'), name) };
    const [one, other] = await Promise.all([tolem(at, 'migrate'), tolem(at, 'migrate')]); // two deployments at once
    expect([one.code, other.code, one.told, other.told]).toEqual([0, 0, '', '']);
    expect([one.out, other.out].sort()).toEqual([expect.stringMatching(/^(applied \d{4}_[a-z_]+\.sql\n)+$/), 'the database is up to date\n']);
    expect(await tolem(at, 'migrate')).toEqual({ code: 0, out: 'the database is up to date\n', told: '' });
  },
  patience,
);

test(
  'merchant create --json prints the keys and nothing else',
  async () => {
    const { code, out, told } = await tolem(env, 'merchant', 'create', '--name', 'ТОО «Алма» "1"', '--json');
    expect([code, told]).toEqual([0, '']);
    expect(out).toMatch(/^\{.*\}\n$/);
    expect(Object.keys(JSON.parse(out))).toEqual(['merchantId', 'apiKey', 'token', 'clientKey', 'webhookToken']);
    expect(JSON.parse(out)).toEqual({
      ...{ merchantId: expect.stringMatching(/^[0-9a-f-]{36}$/), apiKey: expect.stringMatching(/^pr_test_/), token: expect.stringMatching(/^tk_test_/) },
      ...{ clientKey: expect.stringMatching(/^test_/), webhookToken: expect.stringMatching(/^whk_/) },
    });
  },
  patience,
);

test(
  'a live merchant needs a master key of one’s own',
  async () => {
    const refused = await tolem(env, 'merchant', 'create', '--name', 'Shop', '--mode', 'live', '--json');
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.told).toMatch(/MASTER_KEY: a live merchant needs your own; make one with: openssl rand -base64 32/);
    const made = await tolem({ ...env, MASTER_KEY: masterKey }, 'merchant', 'create', '--name', 'Shop', '--mode', 'live', '--json');
    expect([made.code, made.told]).toEqual([0, '']);
    expect(made.out).toMatch(/"apiKey":"pr_live_/);
  },
  patience,
);

test(
  'webhook set shows the secret of the endpoint; private addresses are refused unless they are allowed',
  async () => {
    const url = 'http://127.0.0.1:9/hook';
    const refused = await tolem(env, 'webhook', 'set', '--merchant', keys.merchantId, '--url', url, '--json');
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.told).not.toMatch(/^ +at /m);
    const { code, out, told } = await tolem({ ...env, WEBHOOK_ALLOW_PRIVATE: '1' }, 'webhook', 'set', '--merchant', keys.merchantId, '--url', url, '--json');
    expect([code, told]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({ id: expect.any(String), url, secret: expect.stringMatching(/^whsec_/) });
  },
  patience,
);

test(
  'who is not there is said so, without a stack',
  async () => {
    const nobody = '01900000-0000-7000-8000-000000000000';
    const commands = [
      ['webhook', 'set', '--merchant', nobody, '--url', 'https://example.com/'],
      ['books', 'statement', '--merchant', 'nobody'],
      ['merchant', 'terms', '--merchant', nobody, '--max', '1'],
      ['merchant', 'create', '--name', 'X', '--organisation', 'nobody'],
      ['explain', nobody],
      ['explain', '../../etc/passwd'],
      ['explain', 'wt_01JDM3Z7V8H8Q2X9K0R1ABCD12'],
      ['explain', `${nobody}/available/KZT`],
      ['explain', `${keys.merchantId}/nothing/KZT`],
    ];
    const answers = await Promise.all(commands.map((command) => tolem(env, ...command)));
    for (const [i, { code, out, told }] of answers.entries())
      expect([commands[i], code, out, told]).toEqual([
        commands[i],
        1,
        '',
        expect.stringMatching(/^\n {2}tolem: not found: no (merchant|organisation|payout) [^\n]*\n\n$/),
      ]);
  },
  patience,
);

test(
  'it says which version it is',
  async () => {
    const { code, out } = await tolem(env, '--version');
    expect([code, out.trim()]).toEqual([0, (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version]);
  },
  patience,
);

test(
  'wrong settings are named, without a stack',
  async () => {
    const wrong: [Env, string[], RegExp][] = [
      [{ PORT: 'abc' }, ['serve'], /PORT/],
      [{ PORT: '99999' }, ['serve'], /PORT/],
      [{ MASTER_KEY: 'short' }, ['migrate'], /MASTER_KEY/],
      [{ PORT: 'abc', LOG_LEVEL: 'loud' }, ['config'], /PORT[^]*LOG_LEVEL/],
      [{ DATABASE_URL: 'postgres://tolem:hunter2@127.0.0.1:1/tolem' }, ['migrate'], /DATABASE_URL: 127\.0\.0\.1:1 does not let us in/],
      [{ DATABASE_URL: databaseUrl(inject('postgres'), 'no_such_database') }, ['verify', '--json'], /DATABASE_URL: .*no_such_database/],
      [{ DATABASE_APP_URL: 'postgres://app:hunter2@127.0.0.1:1/tolem' }, ['unknown'], /DATABASE_APP_URL/],
      [{}, ['bank', '--port', 'abc'], /--port/],
      [{}, ['books', 'export', '--format', 'excel'], /hledger, ledger, beancount/],
      [{}, ['merchant', 'create'], /--name/],
    ];
    for (const [i, { code, out, told }] of (await Promise.all(wrong.map(([more, args]) => tolem({ ...env, ...more }, ...args)))).entries()) {
      const [, args, words] = wrong[i] as (typeof wrong)[number];
      expect([args, code, out, told]).toEqual([args, 1, '', expect.stringMatching(words)]);
      expect([args, told]).toEqual([args, expect.not.stringMatching(/^ +at |hunter2/m)]);
    }
  },
  patience,
);

test(
  'config names every setting, and shows no secret',
  async () => {
    const { code, out, told } = await tolem({ ...env, MASTER_KEY: masterKey, PROCESSOR_URL: 'http://user:hunter2@bank', PORT: '9080' }, 'config');
    expect([code, told]).toEqual([0, '']);
    for (const name of ['PORT', 'DATABASE_URL', 'PROCESSOR_SECRET', 'MASTER_KEY', 'METRICS_PORT', 'WEBHOOK_ALLOW_PRIVATE'])
      expect(out).toMatch(new RegExp(`^${name} `, 'm'));
    expect(out).toMatch(/^PORT +9080$/m);
    expect(out).toMatch(/^MASTER_KEY +is set$/m);
    expect(out).not.toContain(masterKey);
    expect(out).not.toContain('hunter2');
  },
  patience,
);
