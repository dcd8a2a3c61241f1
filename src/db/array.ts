/**
 * An array as PostgreSQL reads it from text: {1,"two",NULL}. What the driver does too, but rows of a group come as arrays whose
 * texts are whole JSON documents, and there a regular expression for each quotation mark was a twentieth of the API's time for a payout.
 *
 * @source PostgreSQL, Arrays: Array Input and Output Syntax
 */
export function arrayLiteral(items: readonly unknown[]): string {
  // Nearly all are texts that JSON writes as an array does, and then the engine writes all of them at once.
  if (items.every((item) => typeof item === 'string' || item === null)) {
    const json = JSON.stringify(items);
    if (!/\\[^"\\]/.test(json)) return `{${json.slice(1, -1)}}`;
  }
  let text = '{';
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ',';
    text += element(items[i]);
  }
  return `${text}}`;
}

function element(item: unknown): string {
  if (item === null || item === undefined) return 'NULL';
  switch (typeof item) {
    case 'string':
      return quoted(item);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(item);
    default:
      if (item instanceof Date) return `"${item.toISOString()}"`;
      if (Buffer.isBuffer(item)) return `"\\\\x${item.toString('hex')}"`;
      throw new TypeError('an array for the database holds texts, numbers, booleans, moments and bytes');
  }
}

/** What JSON writes in another way than an array does: control characters, and halves of surrogate pairs. */
const OTHER_THAN_JSON = /[\u0000-\u001f\ud800-\udfff]/;

/** JSON escapes the quotation mark and the backslash as an array does, and the engine does it natively. */
const quoted = (text: string): string => (OTHER_THAN_JSON.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : JSON.stringify(text));
