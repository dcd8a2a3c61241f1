import type { Minor } from '../money.ts';

/** A share of a payment: an amount in minor units, or hundredths of a percent of the whole. */
export interface Item {
  beneficiaryId: string;
  amount: Minor | null;
  basisPoints: number | null;
}

export const WHOLE = 10_000n;

/**
 * What each item is given of a payment. Shares by percent are cut down to the minor unit, and what is left of their sum goes to
 * those that lost most by it, one unit each, the first one first (largest remainder): percents that make 100 give away all of it.
 */
export function partsOf(total: Minor, items: Item[]): Minor[] {
  const exact = items.map(({ basisPoints }) => total * BigInt(basisPoints ?? 0)); // in ten-thousandths of a unit
  const parts = items.map(({ amount }, i) => amount ?? (exact[i] as bigint) / WHOLE);
  const shared = items.flatMap(({ amount }, i) => (amount === null ? [i] : []));
  const lost = (i: number) => (exact[i] as bigint) % WHOLE;
  const left = Number(shared.reduce((sum, i) => sum + (exact[i] as bigint), 0n) / WHOLE - shared.reduce((sum, i) => sum + (parts[i] as bigint), 0n));
  const byLoss = shared.toSorted((a, b) => (lost(a) === lost(b) ? a - b : lost(a) > lost(b) ? -1 : 1));
  for (const i of byLoss.slice(0, left)) parts[i] = (parts[i] as bigint) + 1n;
  return parts;
}

export const sumOf = (parts: Minor[]): Minor => parts.reduce((sum, part) => sum + part, 0n);
