import { invalid } from './errors.ts';

/** An amount in the smallest unit of its currency (tiyn, cents). Always with a currency beside it. */
export type Minor = bigint;

/** Digits after the point. Not from `Intl`, which differs from ISO for sixteen circulating currencies. @source ISO 4217, list one */
const EXPONENTS = new Map<string, number>();
const list = (exponent: number, codes: string) => codes.split(' ').forEach((code) => EXPONENTS.set(code, exponent));
list(0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF');
list(3, 'BHD IQD JOD KWD LYD OMR TND');
list(
  2,
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG',
);

/** The most that one amount may be: what fits in `bigint` of the database with room for sums. */
export const MAX_MINOR = 10n ** 15n - 1n;

/** @throws {ApiError} 400 when it is not a current ISO 4217 code, in capitals */
export function exponentOf(currency: string): number {
  const exponent = EXPONENTS.get(currency);
  if (exponent === undefined) throw invalid(`currency: "${currency.slice(0, 12)}" is not an ISO 4217 code in capitals, such as KZT`);
  return exponent;
}

/**
 * Major units in a decimal string to minor units: toMinor('10.05', 'EUR') is 1005n.
 * @throws {ApiError} 400 when it is signed, is not plain digits, or has more decimals than its currency
 */
export function toMinor(decimal: string, currency: string): Minor {
  const exponent = exponentOf(currency);
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(decimal) ?? [];
  const wrong = (message: string) => invalid(`amount: "${decimal.slice(0, 40)}" ${message}`, [{ field: 'amount', message }]);
  if (!whole) throw wrong(`is not an amount of ${currency}`);
  if (fraction.length > exponent) throw wrong(`has more decimals than ${currency} has (${exponent})`);
  const minor = BigInt(whole + fraction.padEnd(exponent, '0'));
  if (minor > MAX_MINOR) throw wrong('is more than can be moved at once');
  return minor;
}

/** Minor units to major units in a decimal string: toDecimal(1005n, 'EUR') is '10.05'. */
export function toDecimal(minor: Minor, currency: string): string {
  const exponent = exponentOf(currency);
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const cut = digits.length - exponent;
  return `${minor < 0n ? '-' : ''}${digits.slice(0, cut)}${exponent ? `.${digits.slice(cut)}` : ''}`;
}

/**
 * Minor units to the JSON number of major units that the transactions API shows: 10005n of KZT is 100.05. Exact: an amount
 * has at most fifteen digits, and a double gives back every decimal of fifteen digits as it was.
 */
export const toMajorNumber = (minor: Minor, currency: string): number => Number(toDecimal(minor, currency));

/** A percentage of an amount, in hundredths of a percent, rounded half up to the minor unit. */
export const basisPoints = (amount: Minor, points: number): Minor => (amount * BigInt(points) + 5_000n) / 10_000n;
