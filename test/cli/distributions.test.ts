/** Distributions from a file, what the bank says of them, and the story of one: by commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freshDatabase } from '../harness/template.ts';
import { openTestHouse, type TestHouse } from '../harness/house.ts';
import { build, type Env, patience, tolem, workplace } from './tolem.fixture.ts';

let env: Env;
let place: ReturnType<typeof workplace>;
let th: TestHouse;
beforeAll(async () => {
  await build();
  const url = await freshDatabase(inject('postgres'));
  place = workplace(url);
  env = { ...place.env, PROCESSOR_URL: 'http://127.0.0.1:9' };
  th = await openTestHouse({ url });
}, 2 * patience);
afterAll(async () => {
  place.leave();
  await th.close();
});

const header = 'orderReference;amount;currency;name;bin;iban;bic;kbe;knp;paymentPurpose';
const row = (reference: string, amount: string, iban = 'KZ86125KZT5004100100') =>
  `${reference};${amount};KZT;ТОО «Ромашка»;123456789012;${iban};KCJBKZKX;17;119;По договору 1`;

test(
  'each row of a file has its own fate, the sums add up, and the same file pays nothing twice',
  async () => {
    const m = await th.merchant({ available: 500_000n });
    const file = join(place.dataDir, 'rows.csv');
    writeFileSync(file, [header, row('C-1', '1500,50'), row('C-2', 'abc'), row('C-3', '10', 'KZ00'), row('C-4', '3000'), row('C-5', '2000'), ''].join('\r\n'));
    const first = await tolem(env, 'distributions', 'import', file, '--merchant', m.merchantId);
    expect(first.out).toBe(
      `row 3: amount must be a number such as 1500, 1500.50 or 1 500,50, without signs, with at most two decimals
row 4 (C-3): unprocessable entity: recipient.iban must have 20 characters in this country
row 6 (C-5): unprocessable entity: the balance does not cover the amount
5 rows: 2 created, 0 made before, 3 refused
on their way: 4500.50 KZT
`,
    );
    expect([first.code, first.told]).toEqual([1, 'reading utf-8, columns parted by ";"\n']);
    const again = await tolem(env, 'distributions', 'import', file, '--merchant', m.merchantId, '--json');
    expect(JSON.parse(again.out)).toMatchObject({ rows: 5, created: 0, known: 2, refused: 3, amounts: {} });
    expect(await th.balances(m)).toEqual({ available: 49_950n, held: 450_050n });
    // As a spreadsheet of another country writes it.
    writeFileSync(
      file,
      Buffer.concat([
        Buffer.from(`${header}\nC-6;1;KZT;`),
        Buffer.from([0xd2, 0xce, 0xce]),
        Buffer.from(';123456789012;KZ86125KZT5004100100;KCJBKZKX;17;119;p\n'),
      ]),
    );
    const other = await tolem(env, 'distributions', 'import', file, '--merchant', m.merchantId);
    expect([other.code, other.out, other.told]).toEqual([
      0,
      '1 rows: 1 created, 0 made before, 0 refused\non their way: 1.00 KZT\n',
      'reading windows-1251, columns parted by ";"\n',
    ]);
    expect((await th.get('/v1/distributions?orderReference=C-6', m)).body.data[0].recipient.name).toBe('ТОО');
  },
  3 * patience,
);

test(
  'a file that is none is said so, and a merchant that is not there',
  async () => {
    const m = await th.merchant();
    const file = join(place.dataDir, 'none.csv');
    writeFileSync(file, 'a;b;c\n1;2;3\n');
    const refused = await tolem(env, 'distributions', 'import', file, '--merchant', m.merchantId);
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/^the file breaks off: .*orderReference/);
    for (const args of [
      [join(place.dataDir, 'absent.csv'), '--merchant', m.merchantId],
      [file, '--merchant', '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'],
    ]) {
      const { code, out, told } = await tolem(env, 'distributions', 'import', ...args);
      expect([code, out]).toEqual([1, '']);
      expect(told).not.toMatch(/^ +at /m);
    }
  },
  3 * patience,
);

test(
  'the story of a distribution is told, and what nobody booked is no exception',
  async () => {
    const m = await th.merchant({ available: 500_000n });
    const recipient = { name: 'X', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
    const { body } = await th.post('/v1/distributions', m, { orderReference: 'S-1', amount: 150000, currency: 'KZT', recipient, paymentPurpose: 'p' });
    await th.work(m);
    const { code, out } = await tolem(env, 'explain', body.id);
    expect(code).toBe(0);
    expect(out).toContain(`distribution ${body.id}: settled, 1500.00 KZT to KCJBKZKX …0100, reference S-1`);
    expect(out).toContain('reserve: available/KZT → held/KZT  1500.00 KZT');
    expect(out).not.toContain(recipient.iban);
    expect(await tolem(env, 'reconcile')).toMatchObject({ code: 0, out: expect.stringContaining('no exceptions') });
  },
  3 * patience,
);
