import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/**
 * A phone number as E.164, however it was typed; without a country it is Kazakhstan's: 8 (701) 234-56-78 is +77012345678.
 * @source the numbering plans as libphonenumber-js has them, with every range of numbers (max)
 */
export function phoneNumber(text: string): { e164: string } | { problem: string } {
  const parsed = parsePhoneNumberFromString(text.trim(), { defaultCountry: 'KZ', extract: false });
  if (!parsed?.isValid()) return { problem: 'must be a phone number that can exist, such as +7 701 234 56 78' };
  return parsed.ext ? { problem: 'must not have an extension' } : { e164: parsed.number };
}
