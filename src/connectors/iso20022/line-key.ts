import { createHash, hash } from 'node:crypto';
import type { Minor } from '../../money.ts';

/** What a line is known by. Nothing of it belongs to the message that it stands in. */
export interface LineIdentity {
  /** IBAN, or the bank's number of the account */
  account: string;
  /** of the bank (AcctSvcrRef): of the transaction where it has one, else of the entry; null where neither has */
  bankReference: string | null;
  /** NtryRef, which is looked at only where there is no reference of the bank */
  entryReference: string | null;
  amount: Minor;
  currency: string;
  direction: 'credit' | 'debit';
  /** booking date, or value date where there is none; YYYY-MM-DD */
  on: string | null;
  endToEndId: string | null;
}

/**
 * How much a key proves. `bank`: it rests on the bank's own reference, and the same key is the same movement. `entry`: on
 * NtryRef, which some banks keep across messages and others count anew in each. `content`: on nothing but the line's content, so
 * that two equal payments told in two notifications have the same key though they are two: only within one statement,
 * where equals are counted, is it a proof.
 */
export type KeyBasis = 'bank' | 'entry' | 'content';

export const keyBasisOf = ({ bankReference, entryReference }: LineIdentity): KeyBasis => (bankReference ? 'bank' : entryReference ? 'entry' : 'content');

/**
 * Counts equals within a file, and gives each line its key: the same line has the same key in camt.052, 053 and 054, in whatever
 * version, file or place in the file.
 *
 * The key is SHA-256 over account, reference, amount in minor units, currency, direction, date, EndToEndId and the position
 * among lines of the file that are equal in all of these. Not in it: the message, statement and entry that a line stands in, its
 * status (pending today, booked tomorrow), names, texts and codes. So a key changes when the bank books a line on another day
 * than it first told, when it gives a reference in one message and none in the other, or when it tells a batch as one sum
 * here and payment by payment there.
 */
export class LineKeys {
  /** how many of each were seen, under twelve bytes of the hash: a statement may have a million lines */
  private readonly seen = new Map<string, number>();

  keyOf(identity: LineIdentity): string {
    const { account, bankReference, entryReference, amount, currency, direction, on, endToEndId } = identity;
    const reference = bankReference ? ['bank', bankReference] : ['entry', entryReference];
    const content = JSON.stringify(['line/1', account, ...reference, String(amount), currency, direction, on, endToEndId]);
    const digest = hash('sha256', content, 'hex');
    const short = digest.slice(0, 24);
    const position = this.seen.get(short) ?? 0;
    this.seen.set(short, position + 1);
    return position === 0 ? digest : createHash('sha256').update(digest, 'hex').update(`#${position}`).digest('hex');
  }
}
