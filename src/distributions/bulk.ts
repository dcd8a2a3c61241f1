import type { Tx } from '../db/db.ts';
import { ApiError, errorTable } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import type { Answer } from '../http/idempotency.ts';
import type { DistributionRequest } from './accept.ts';

/** What became of one item of many. */
export interface Fate {
  index: number;
  orderReference: string | null;
  result: 'created' | 'known' | 'refused';
  distribution: unknown;
  error: unknown;
}

/**
 * Makes many distributions in one transaction, each with its own fate. The summary adds up: created, known and refused are all.
 * @param read checks an item; what it throws is that item's fate
 */
export async function bulk(
  tx: Tx,
  items: unknown[],
  read: (item: unknown) => DistributionRequest,
  accept: (tx: Tx, requests: DistributionRequest[]) => Promise<Outcome<Answer>[]>,
): Promise<{ total: number; created: number; known: number; refused: number; items: Fate[] }> {
  const requests = items.map((item) => outcomeOf(() => read(item)));
  const good = requests.flatMap((request) => (request.ok ? [request.answer] : []));
  const accepted = good.length > 0 ? await accept(tx, good) : [];
  const outcomes = requests.map((request): Outcome<Answer> => (request.ok ? (accepted.shift() as Outcome<Answer>) : request));
  const fates = outcomes.map((outcome, index) => fateOf(outcome, index, items[index]));
  const count = (result: Fate['result']) => fates.filter((fate) => fate.result === result).length;
  return { total: fates.length, created: count('created'), known: count('known'), refused: count('refused'), items: fates };
}

function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { ok: true, answer: work() };
  } catch (error) {
    return { ok: false, error };
  }
}

function fateOf(outcome: Outcome<Answer>, index: number, item: unknown): Fate {
  const { orderReference } = (item ?? {}) as { orderReference?: unknown };
  const about = { index, orderReference: typeof orderReference === 'string' ? orderReference.slice(0, 128) : null };
  if (outcome.ok) return { ...about, result: outcome.answer.status === 201 ? 'created' : 'known', distribution: JSON.parse(outcome.answer.body), error: null };
  if (!(outcome.error instanceof ApiError)) throw outcome.error; // ours, and nobody's fate
  const { code, message, details } = outcome.error;
  const error = { code, message, source: 'distributions', type: errorTable[code].type, ...(details?.length ? { details } : {}) };
  return { ...about, result: 'refused', distribution: null, error };
}
