/** Digits after the point, where they are not two. @source ISO 4217, list one */
const EXPONENTS: Record<string, number> = {
  ...Object.fromEntries('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0])),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3])),
};

const exponentOf = (currency: string): number => EXPONENTS[currency] ?? 2;

/**
 * Major units, as payouts and transactions have them, to minor units, as balances and the sandbox's top-up have them:
 * toMinor(100.05, 'KZT') is 10005. Exact: what is no amount of the currency is refused, not rounded.
 * @throws {RangeError} when it is negative, has more decimals than the currency, or more digits than a number keeps
 */
export function toMinor(major: number | string, currency: string): number {
  const exponent = exponentOf(currency);
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(major)) ?? [];
  const minor = Number(`${whole}${fraction.padEnd(exponent, '0')}`);
  if (whole === undefined || fraction.length > exponent || !Number.isSafeInteger(minor))
    throw new RangeError(`${major} is not an amount of ${currency}, which has ${exponent} decimals`);
  return minor;
}

/**
 * Minor units to major units: toMajor(10005, 'KZT') is 100.05. Reckon in minor units, which are whole, and come here last:
 * 0.1 + 0.2 is 0.30000000000000004, and a payout of that is refused.
 * @throws {RangeError} when it is not a whole number that is kept exactly
 */
export function toMajor(minor: number | bigint, currency: string): number {
  const exponent = exponentOf(currency);
  const major = Number(`${minor}e-${exponent}`);
  const isExact = typeof minor === 'bigint' ? BigInt(Number(minor)) === minor : Number.isSafeInteger(minor);
  if (!isExact || Number(minor) < 0 || !saysAll(minor, major, exponent)) throw new RangeError(`${minor} is not an amount in minor units`);
  return major;
}

/** Whether the number says every digit: beyond fifteen of them, not all decimals do. */
const saysAll = (minor: number | bigint, major: number, exponent: number): boolean =>
  major
    .toFixed(exponent)
    .replace('.', '')
    .replace(/^0+(?=\d)/, '') === String(minor);
