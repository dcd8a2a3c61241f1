import { wrongFields } from '../errors.ts';

/** As far as a moment can be written with four digits of a year. */
const LAST = Date.parse('9999-12-31T23:59:59Z');

/** A moment from a text of the form that the schema asks for, which a second of 60 has, too. @throws {ApiError} 422 when there is none such */
export function momentIn(text: string, field: string): Date {
  const at = new Date(text);
  if (!(at.getTime() <= LAST)) throw wrongFields([{ field, message: 'is no moment that can be' }]);
  return at;
}
