const [second, minute, hour] = [1_000, 60_000, 3_600_000];

/** How long after a try that failed the next one is due: ten tries over about 76 hours. @source D63 of the hosted API's contract */
const DELAYS = [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];
export const MAX_TRIES = DELAYS.length + 1;

/** A receiver may ask for time, though not for so much that a delivery is lost from sight. */
const LONGEST_WAIT = 24 * hour;

/**
 * @param failures tries that have failed since the delivery was opened, this one included
 * @param fraction in [0, 1): up to a tenth is added, so that what failed together does not come back together
 * @param askedMs what the receiver asked for in Retry-After; never sooner than that
 * @returns milliseconds until the next try; undefined when there is none
 */
export function delayAfter(failures: number, fraction: number, askedMs = 0): number | undefined {
  const delay = DELAYS[failures - 1];
  if (delay === undefined) return undefined;
  return Math.round(Math.max(delay, Math.min(askedMs, LONGEST_WAIT)) * (1 + fraction / 10));
}

/**
 * Retry-After: seconds, or a date in the world's time.
 * @returns milliseconds; undefined when it is neither
 * @source RFC 9110, 10.2.3
 */
export function retryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * second;
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
