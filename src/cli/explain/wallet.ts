import type { Tx } from '../../db/db.ts';
import { column, sql } from '../../db/sql.ts';
import { assert } from '../../errors.ts';
import { type Authorization, authorizationsById, remainder } from '../../wallet/authorization.ts';
import { type Operation, operationId, operationsById } from '../../wallet/operation.ts';
import type { Minor } from '../../money.ts';
import { orderSource, paymentSource } from '../../splits/split.ts';
import { submissionsById } from '../../wallet/submission.ts';
import { walletId } from '../../wallet/view.ts';
import { askedOf, type Happened, inOrder, moneyOf, openOf, type Story, traceOf } from './story.ts';
import { Sums } from './sums.ts';

/** A customer's consent and all that was done with it. Whose wallet it is, is sealed, and stays so. */
export async function walletStory(tx: Tx, id: string): Promise<Story> {
  const [a] = await authorizationsById(tx, [id]);
  assert(a, 'an id that has an owner is there');
  const ids = column(
    await tx.rows<{ id: string }>(sql`select o.id from wallet_operation o where o.merchant_id = ${tx.merchantId} and o.authorization_id = ${id}::uuid`),
    'id',
  );
  const operations = await operationsById(tx, ids);
  const submissions = await submissionsById(tx, [id, ...ids]);
  const { happened, postings } = await traceOf(tx, id, ids);
  const sums = sumsOf(a, new Sums(postings, a.currency));
  const asked = (one: { id: string; kind: string }) => (one.id === id ? 'the customer’s consent ' : `${one.kind} ${operationId(one.id)} `);
  const told = inOrder(
    [
      ...operations.flatMap((one) => carriedOut(one, a)),
      ...happened,
      ...submissions.toSorted((one, other) => one.preparedAt.getTime() - other.preparedAt.getTime()).flatMap((one) => askedOf(one, asked(one))),
    ],
    [...submissions.flatMap((one) => openOf(one, asked(one))), ...(a.state === 'success' ? consentOf(a, sums) : []), ...sums.lines, ...(await sharedOf(tx, a))],
  );
  return { lines: [headOf(a), `merchant ${tx.merchantId}, id ${id}`, ...told], broken: sums.broken };
}

/** What partners were given of it, or are to be given: out of what it brought to the balance. */
async function sharedOf(tx: Tx, { id, orderReference, currency }: Authorization): Promise<string[]> {
  const splits = await tx.rows<{ id: string; state: string; source: string; given: Minor }>(sql`
    select s.id, s.state, s.source, coalesce((select sum(p) from unnest(s.parts) p), 0)::bigint as given
    from split_request s where s.merchant_id = ${tx.merchantId} and s.source = any(${[orderSource(orderReference), paymentSource(id)]}::text[]) order by s.id`);
  return splits.map(
    (one) => `shared   split ${one.id}, ${one.state}: ${moneyOf(one.given, currency)} of ${one.source === paymentSource(id) ? 'it' : 'its order'} to partners`,
  );
}

const headOf = ({ id, state, amount, currency, orderReference, errorCode, errorMessage }: Authorization): string =>
  [
    `wallet payment ${walletId(id)}: ${state}, ${moneyOf(amount, currency)}`,
    `reference ${orderReference}`,
    ...(errorCode ? [`${errorCode}: ${errorMessage ?? ''}`] : []),
  ].join(', ');

const BECAUSE = { request: 'asked for', expiry: 'because the consent expired' };

function carriedOut({ id, kind, amount, state, cause, errorCode, errorMessage, createdAt, finalAt }: Operation, { currency }: Authorization): Happened[] {
  const name = `${kind} ${operationId(id)}`;
  return [
    { at: createdAt, what: `wallet   ${name}: ${moneyOf(amount, currency)} ${BECAUSE[cause]}` },
    ...(finalAt ? [{ at: finalAt, what: `wallet   ${name}: ${state}${errorCode ? `, ${errorCode}: ${errorMessage ?? ''}` : ''}` }] : []),
  ];
}

const consentOf = (a: Authorization, sums: Sums): string[] =>
  remainder(a) > 0n && a.expiresAt ? [`now      ${sums.money(remainder(a))} can be captured until ${a.expiresAt.toISOString()}`] : [];

/** A consent and a cancel move no money: what is captured and refunded is by the postings, the rest by the payment. */
function sumsOf(a: Authorization, sums: Sums): Sums {
  const captured = sums.of('capture');
  const refunded = sums.of('settle');
  if (a.state === 'success')
    sums.equation(
      ['authorised', a.amount],
      [
        ['captured', captured],
        ['being captured', a.capturing],
        ['cancelled', a.cancelled],
        ['being cancelled', a.cancelling],
        ['not used', remainder(a)],
      ],
    );
  if (captured > 0n)
    sums.equation(
      ['captured', captured],
      [
        ['refunded', refunded],
        ['being refunded', a.refunding],
        ['kept', a.captured - a.refunded - a.refunding],
      ],
    );
  sums.tellPostings('refunded', 'capture');
  sums.tellBalances();
  sums.must(captured === a.captured, `the payment says captured ${sums.money(a.captured)}; the postings say ${sums.money(captured)}`);
  sums.must(refunded === a.refunded, `the payment says refunded ${sums.money(a.refunded)}; the postings say ${sums.money(refunded)}`);
  sums.must(sums.held() === a.refunding, `${sums.money(a.refunding)} is being refunded; the postings hold ${sums.money(sums.held())}`);
  return sums;
}
