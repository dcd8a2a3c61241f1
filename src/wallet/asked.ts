import { type Detail, wrongFields } from '../errors.ts';
import { iinProblem } from '../kazakhstan.ts';
import { phoneNumber } from '../kazakhstan/phone.ts'; // here alone: a worker does without all the world's numbering plans
import type { Person } from './person.ts';

/**
 * Reads whose wallet is meant. A phone number of any country that can exist, in any spelling, Kazakhstan's where no country is
 * said. Whether it has a wallet its bank knows, so what kind of number it is (mobile, landline) is not judged here.
 *
 * @param isLive a live merchant's personal numbers must fit their date and check digit; a test merchant's examples need not
 * @throws {ApiError} 422 that names the fields, and never their values
 */
export function personIn(phoneText: string, iin: string, isLive: boolean): Person {
  const phone = phoneNumber(phoneText);
  const wrong = iinProblem(iin, { checkDigit: isLive });
  const details: Detail[] = [
    ...('problem' in phone ? [{ field: 'phoneNumber', message: phone.problem }] : []),
    ...(wrong ? [{ field: 'iin', message: wrong }] : []),
  ];
  if ('problem' in phone || wrong) throw wrongFields(details);
  return { phone: phone.e164, iin };
}
