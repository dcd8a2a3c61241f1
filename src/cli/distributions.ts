import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Answer } from '../http/idempotency.ts';
import { CsvError, type DistributionRow, type ReadRow, readDistributions } from '../distributions/csv.ts';
import { requestOf } from '../distributions/request.ts';
import { invalid } from '../errors.ts';
import type { House } from '../main.ts';
import type { Merchant } from '../merchants/merchants.ts';
import { theMerchant } from '../merchants/merchants.ts';
import { type Minor, toDecimal } from '../money.ts';
import { note, say, withHouse } from './context.ts';
import { findMerchant } from './merchants.ts';

/** Rows that are accepted in one transaction. */
const CHUNK = 200;

interface Tally {
  rows: number;
  created: number;
  known: number;
  refused: { row: number; orderReference: string | null; why: string }[];
  amounts: Map<string, Minor>;
}

/**
 * Makes a distribution of each row of a CSV file. A row that is wrong is told and the others go on; a file that is given again
 * pays nothing twice, since each order is one distribution for ever.
 */
export async function importDistributions(file: string, { merchant: id, json }: { merchant: string; json?: boolean }): Promise<void> {
  if (!existsSync(file)) throw invalid(`there is no file ${file}`);
  const { size } = await stat(file);
  await withHouse(async (house) => {
    await findMerchant(house.db, id);
    const merchant = await house.db.merchant(id, theMerchant);
    const tally: Tally = { rows: 0, created: 0, known: 0, refused: [], amounts: new Map() };
    const source = createReadStream(file);
    const progress = new Progress(size);
    let broken: string | undefined;
    try {
      let chunk: Extract<ReadRow, { item: DistributionRow }>[] = [];
      const flush = async () => {
        await accept(house, merchant, chunk, tally);
        chunk = [];
        progress.show(source.bytesRead, tally);
      };
      for await (const read of readDistributions(source, ({ encoding, delimiter }) =>
        note(`reading ${encoding}, columns parted by ${JSON.stringify(delimiter)}`),
      )) {
        tally.rows++;
        if ('item' in read) chunk.push(read);
        else tally.refused.push({ row: read.row, orderReference: null, why: read.problems.map(({ field, message }) => `${field} ${message}`).join('; ') });
        if (chunk.length >= CHUNK) await flush();
      }
      await flush();
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      broken = error.message; // what came before it was accepted
    }
    progress.end();
    report(tally, broken, json);
    process.exitCode = broken || tally.refused.length > 0 ? 1 : 0;
  });
}

async function accept({ distributions, ids }: House, merchant: Merchant, rows: { row: number; item: DistributionRow }[], tally: Tally): Promise<void> {
  if (rows.length === 0) return;
  const read = (item: unknown) => {
    const row = item as DistributionRow;
    return requestOf({ ...row, amount: Number(row.amount) }, merchant, undefined, ids); // the file's reader has seen that a double holds it
  };
  const items = rows.map(({ item }) => item);
  const answer: Answer = await distributions.acceptBulk(merchant.id, items, read, undefined);
  const { items: fates } = JSON.parse(answer.body) as {
    items: { index: number; orderReference: string | null; result: string; error: { message: string } | null }[];
  };
  for (const { index, orderReference, result, error } of fates) {
    const { row, item } = rows[index] as { row: number; item: DistributionRow };
    if (result === 'refused') tally.refused.push({ row, orderReference, why: error?.message ?? '' });
    else tally[result as 'created' | 'known']++;
    if (result === 'created') tally.amounts.set(item.currency, (tally.amounts.get(item.currency) ?? 0n) + item.amount);
  }
}

function report({ rows, created, known, refused, amounts }: Tally, broken: string | undefined, json?: boolean): void {
  const sums = Object.fromEntries([...amounts].map(([currency, amount]) => [currency, toDecimal(amount, currency)]));
  if (json) return say(JSON.stringify({ rows, created, known, refused: refused.length, amounts: sums, problems: refused, ...(broken ? { broken } : {}) }));
  for (const { row, orderReference, why } of refused) say(`row ${row}${orderReference ? ` (${orderReference})` : ''}: ${why}`);
  if (broken) say(`the file breaks off: ${broken}`);
  say(`${rows} rows: ${created} created, ${known} made before, ${refused.length} refused`);
  for (const [currency, sum] of Object.entries(sums)) say(`on their way: ${sum} ${currency}`);
}

/** A line that is written over, on a terminal; nothing elsewhere. */
class Progress {
  private readonly isShown = process.stderr.isTTY;
  private readonly total: number;

  constructor(total: number) {
    this.total = Math.max(1, total);
  }

  show(done: number, { rows, refused }: Tally): void {
    if (!this.isShown) return;
    const share = Math.min(1, done / this.total);
    const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
    process.stderr.write(`\r  ${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${rows} rows, ${refused.length} refused `);
  }

  end(): void {
    if (this.isShown) process.stderr.write('\r\u001b[K');
  }
}
