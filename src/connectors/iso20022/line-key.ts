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
  private readonly seen = new Tally();

  keyOf(identity: LineIdentity): string {
    const { account, bankReference, entryReference, amount, currency, direction, on, endToEndId } = identity;
    const reference = bankReference ? ['bank', bankReference] : ['entry', entryReference];
    const content = JSON.stringify(['line/1', account, ...reference, String(amount), currency, direction, on, endToEndId]);
    const digest = hash('sha256', content, 'hex');
    const position = this.seen.count(digest);
    return position === 0 ? digest : createHash('sha256').update(digest, 'hex').update(`#${position}`).digest('hex');
  }
}

/** Counts equal hashes, by twelve of their bytes: a statement may have a million lines, and as strings in a map they would be most of its memory. */
class Tally {
  /** an open table: three words for each, in the first place from its own that was free; three zeros are a free place */
  private words = new Int32Array(3 * 1_024);
  private size = 0;
  /** those that came again, which are few */
  private readonly again = new Map<string, number>();

  /** @returns how often it was counted before */
  count(hex: string): number {
    const [a, b, c] = [wordAt(hex, 0), wordAt(hex, 8), wordAt(hex, 16) | 1]; // never three zeros
    if (!this.has(a, b, c)) return 0;
    const short = hex.slice(0, 24);
    const count = (this.again.get(short) ?? 0) + 1;
    this.again.set(short, count);
    return count;
  }

  /** Whether it is there already; from now on it is. */
  private has(a: number, b: number, c: number): boolean {
    const { words } = this;
    let at = this.placeOf(a);
    for (; words[at + 2] !== 0; at = (at + 3) % words.length) if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return true;
    words.set([a, b, c], at);
    this.size += 1;
    if (this.size * 6 > words.length) this.grow(); // more than half of it
    return false;
  }

  private grow(): void {
    const { words } = this;
    this.words = new Int32Array(words.length * 2);
    this.size = 0;
    for (let at = 0; at < words.length; at += 3) if (words[at + 2] !== 0) this.has(words[at] as number, words[at + 1] as number, words[at + 2] as number);
  }

  private placeOf(word: number): number {
    return ((word >>> 0) % (this.words.length / 3)) * 3;
  }
}

const wordAt = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 8), 16) | 0;
