import pg from 'pg';
import { type Measured, round } from './load.ts';

/**
 * What one would write without groups: a transaction of five statements on one hot row, straight through the driver, prepared,
 * with nothing else of a payout. The best of several numbers of clients counts.
 */
export async function baseline(url: string, measureMs: number): Promise<Measured[]> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(
    'create table bench_balance (id int primary key, balance bigint not null); insert into bench_balance values (1, 1000000000000); create table bench_entry (id uuid primary key default gen_random_uuid(), amount bigint not null, balance bigint not null)',
  );
  const results: Measured[] = [];
  for (const clients of [1, 4, 16, 64]) results.push(await run(url, clients, measureMs));
  await owner.end();
  return results;
}

async function run(url: string, clients: number, measureMs: number): Promise<Measured> {
  const pool = await Promise.all(Array.from({ length: clients }, () => connected(url)));
  const from = performance.now() + 500;
  const until = from + measureMs;
  const times: number[] = [];
  await Promise.all(
    pool.map(async (client) => {
      for (let begun = performance.now(); begun < until; begun = performance.now()) {
        await client.query({ name: 'b', text: 'begin' });
        const { rows } = await client.query<{ balance: string }>({ name: 's', text: 'select balance from bench_balance where id = 1 for update' });
        const balance = BigInt((rows[0] as { balance: string }).balance) - 1n;
        await client.query({ name: 'i', text: 'insert into bench_entry (amount, balance) values ($1, $2)', values: [1, balance] });
        await client.query({ name: 'u', text: 'update bench_balance set balance = $1 where id = 1', values: [balance] });
        await client.query({ name: 'c', text: 'commit' });
        if (begun >= from) times.push(performance.now() - begun);
      }
    }),
  );
  await Promise.all(pool.map((client) => client.end()));
  times.sort((a, b) => a - b);
  return {
    connections: clients,
    perSecond: Math.round(times.length / (measureMs / 1000)),
    p50Ms: round(times[Math.floor(times.length / 2)] ?? 0),
    p99Ms: round(times[Math.floor(times.length * 0.99)] ?? 0),
    answers: times.length,
  };
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
