/** Numbers for tests: valid, the same for the same seed, different for different ones (0 to a million and more). Nobody's, as far as chance goes. */
import { composeIBAN } from 'ibantools';
import { checkDigitOf } from './kazakhstan.ts';

/** Of eleven digits and their second choice, the twelve whose check digit exists. */
function checked(eleven: string, instead: string): string {
  const digit = checkDigitOf(eleven);
  return digit === undefined ? `${instead}${String(checkDigitOf(instead))}` : `${eleven}${digit}`;
}

const padded = (number: number, length: number) => String(number).padStart(length, '0');

/** A personal number of somebody born in 1970 or later. */
export function validIin(seed: number): string {
  const born = new Date(Date.UTC(1970, 0, 1 + (Math.floor(seed / 10_000) % 10_000))).toISOString().slice(2, 10).replaceAll('-', '');
  const series = padded(seed % 10_000, 4);
  return checked(`${born}3${series}`, `${born}4${series}`);
}

/** A business number of a resident company (its head office, or a branch where the head office's has no check digit). */
export function validBin(seed: number): string {
  const months = Math.floor(seed / 100_000) % 240;
  const registered = `${padded(Math.floor(months / 12), 2)}${padded((months % 12) + 1, 2)}`;
  const series = padded(seed % 100_000, 5);
  return checked(`${registered}40${series}`, `${registered}41${series}`);
}

/** An account of Kazakhstan, with Kaspi Bank unless another bank's code is given. */
export const validKzIban = (seed: number, bankCode = '722'): string => String(composeIBAN({ countryCode: 'KZ', bban: `${bankCode}${padded(seed, 13)}` }));
