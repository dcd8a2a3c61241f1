import type { Tx } from '../../db/db.ts';
import { column, sql } from '../../db/sql.ts';
import { distributionsById } from '../../distributions/distribution.ts';
import { assert } from '../../errors.ts';
import type { Minor } from '../../money.ts';
import { payoutsById } from '../../payouts/payout.ts';
import { isFinal, type Outgoing } from '../../sending/outgoing.ts';
import { submissionsOf } from '../../sending/submission.ts';
import { askedOf, type Happened, inOrder, moneyOf, openOf, type Story, traceOf } from './story.ts';
import { Sums } from './sums.ts';

/** What the bank gave back after it had paid. */
interface Returned {
  id: string;
  at: Date;
  amount: Minor;
  code: string | null;
}

/** Of a recipient's card the last four digits are told. */
export async function payoutStory(tx: Tx, id: string): Promise<Story> {
  const [payout] = await payoutsById(tx, [id]);
  assert(payout, 'an id that has an owner is there');
  const returns = await tx.rows<Returned>(
    sql`select r.id, r.created_at as at, r.amount, r.code from payout_return r where r.merchant_id = ${tx.merchantId} and r.payout_id = ${id}::uuid`,
  );
  return outgoingStory(tx, payout, headOf('payout', payout, `${payout.brand} …${payout.last4}`), returns);
}

/** A settlement order, too, is one. Of a recipient's account the last four characters are told. */
export async function distributionStory(tx: Tx, id: string): Promise<Story> {
  const [distribution] = await distributionsById(tx, [id]);
  assert(distribution, 'an id that has an owner is there');
  const returns = await tx.rows<Returned>(
    sql`select r.id, r.created_at as at, r.amount, r.code from distribution_return r where r.merchant_id = ${tx.merchantId} and r.distribution_id = ${id}::uuid`,
  );
  const { kind, bic, iban, beneficiaryId } = distribution;
  const head = headOf(kind === 'order' ? 'settlement order' : 'distribution', distribution, `${bic} …${iban.slice(-4)}`);
  return outgoingStory(tx, distribution, `${head}${beneficiaryId ? `, for beneficiary ${beneficiaryId}` : ''}`, returns);
}

function headOf(
  what: string,
  { id, state, amount, fee, currency, orderReference, errorCode, errorMessage }: Outgoing & { orderReference: string | null },
  to: string,
): string {
  return [
    `${what} ${id}: ${state}, ${moneyOf(amount, currency)}${fee > 0n ? ` and a fee of ${moneyOf(fee, currency)}` : ''} to ${to}`,
    ...(orderReference ? [`reference ${orderReference}`] : []),
    ...(errorCode ? [`${errorCode}: ${errorMessage ?? ''}`] : []),
  ].join(', ');
}

async function outgoingStory(tx: Tx, row: Outgoing, head: string, returns: Returned[]): Promise<Story> {
  const { happened, postings } = await traceOf(tx, row.id, column(returns, 'id'));
  const submissions = await submissionsOf(tx, [row.id]);
  const files = await ofFiles(tx, row);
  const sums = sumsOf(row, returns, new Sums(postings, row.currency));
  const cameBack = returns.map(({ id, at, amount, code }) => ({ at, what: `return   ${sums.money(amount)} came back${code ? `, ${code}` : ''}, as ${id}` }));
  const told = inOrder(
    [...files, ...cameBack, ...happened, ...submissions.flatMap((one) => askedOf(one))],
    [...submissions.flatMap((one) => openOf(one)), ...sums.lines],
  );
  return { lines: [head, `merchant ${tx.merchantId}`, ...told], broken: sums.broken };
}

/** What left is what was asked for, what did not leave is back or held, and what came back is what the bank gave back. */
function sumsOf({ state, amount, fee }: Outgoing, returns: Returned[], sums: Sums): Sums {
  sums.tellPostings('settled');
  sums.tellBalances();
  const settled = state === 'settled' ? amount + fee : 0n;
  const held = isFinal(state) ? 0n : amount + fee;
  const returned = returns.reduce((sum, one) => sum + one.amount, 0n);
  sums.must(sums.of('settle') === settled, `${state}, so ${sums.money(settled)} should be settled; the postings say ${sums.money(sums.of('settle'))}`);
  sums.must(sums.held() === held, `${state}, so ${sums.money(held)} should be held; the postings say ${sums.money(sums.held())}`);
  sums.must(sums.of('return') === returned, `${sums.money(returned)} came back; the postings say ${sums.money(sums.of('return'))}`);
  return sums;
}

/** The file that it left in, and what the bank's files say of it. */
async function ofFiles(tx: Tx, { id, currency }: Outgoing): Promise<Happened[]> {
  const files = await tx.rows<{ messageId: string; state: string; createdAt: Date; status: string | null }>(sql`
    select b.message_id as "messageId", b.state, b.created_at as "createdAt", b.bank_status as status
    from bank_batch_item i join bank_batch b on b.merchant_id = i.merchant_id and b.id = i.batch_id where i.merchant_id = ${tx.merchantId} and b.merchant_id = ${tx.merchantId} and i.payout_id = ${id}::uuid`);
  const lines = await tx.rows<{
    seenAt: Date;
    direction: string;
    amount: Minor;
    bookedOn: string | null;
    bankReference: string | null;
    statementId: string;
    matched: string;
  }>(sql`
    select l.seen_at as "seenAt", l.direction, l.amount, l.booked_on::text as "bookedOn", l.bank_reference as "bankReference", l.statement_id as "statementId", l.matched from bank_line l where l.object_id = ${id}::uuid`);
  return [
    ...files.map((f) => ({ at: f.createdAt, what: `file     ${f.messageId}, ${f.state}${f.status ? `; the bank says ${f.status}` : ''}` })),
    ...lines.map((l) => ({
      at: l.seenAt,
      what: `bank     booked ${l.direction} of ${moneyOf(l.amount, currency)} on ${l.bookedOn ?? 'no day'} as ${l.bankReference ?? 'nothing'}, statement ${l.statementId}: ${l.matched}`,
    })),
  ];
}
