import { invalid } from '../errors.ts';

const MAX_DEPTH = 32;
const SPACE = /[ \t\n\r]*/y;
const PLAIN_STRING = /"[^"\\\u0000-\u001f]*"/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/**
 * Reads a request's JSON the way money wants it read: strictly, with one possible meaning. Refused by name: two members of
 * one name, text that no database holds (NUL, half a surrogate pair), a number whose digits a double would not give back.
 *
 * @returns plain values; every number is exactly the decimal that was written
 * @throws {ApiError} 400 that says where and what
 */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw invalid('the body is not UTF-8');
  }
  return new Reader(text).document();
}

class Reader {
  private at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  document(): unknown {
    const value = this.value('', 0);
    this.skip();
    if (this.at < this.text.length) this.fail('something follows the JSON value');
    return value;
  }

  private value(path: string, depth: number): unknown {
    if (depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
    this.skip();
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b:
        return this.object(path, depth);
      case 0x5b:
        return this.array(path, depth);
      case 0x22:
        return this.string(path);
      default:
        return this.number(path) ?? this.word();
    }
  }

  private object(path: string, depth: number): unknown {
    const members: Record<string, unknown> = {};
    const seen = new Set<string>();
    this.at++;
    if (this.take('}')) return members;
    do {
      this.skip();
      if (this.text[this.at] !== '"') this.fail('a member has a name in double quotes');
      const name = this.string(path);
      if (seen.has(name)) throw invalid(`${path}${name}: this name stands twice`, [{ field: `${path}${name}`, message: 'stands twice' }]);
      if (name === '__proto__') throw invalid(`${path}__proto__: not a name that is accepted`);
      seen.add(name);
      if (!this.take(':')) this.fail('a colon follows a name');
      members[name] = this.value(`${path}${name}.`, depth + 1);
    } while (this.take(','));
    if (!this.take('}')) this.fail('an object ends with }');
    return members;
  }

  private array(path: string, depth: number): unknown {
    const items: unknown[] = [];
    this.at++;
    if (this.take(']')) return items;
    do items.push(this.value(`${path}${items.length}.`, depth + 1));
    while (this.take(','));
    if (!this.take(']')) this.fail('an array ends with ]');
    return items;
  }

  private string(path: string): string {
    const plain = this.match(PLAIN_STRING);
    if (plain) return plain.slice(1, -1);
    const raw = this.match(STRING);
    if (!raw) this.fail('a string is not closed, or has a control character or an escape that JSON does not have');
    const string = JSON.parse(raw) as string;
    if (string.includes('\0')) throw invalid(`${nameOf(path)}has the character U+0000, which cannot be stored`);
    if (!string.isWellFormed()) throw invalid(`${nameOf(path)}has half of a surrogate pair, which is no character`);
    return string;
  }

  private number(path: string): number | undefined {
    const literal = this.match(NUMBER);
    if (literal === undefined) return undefined;
    const field = path.slice(0, -1);
    if (/[eE]/.test(literal))
      throw invalid(`${nameOf(path)}${literal.slice(0, 40)} is written with an exponent; write the digits`, [{ field, message: 'written with an exponent' }]);
    const digits = literal.replace(/^-/, '').replace('.', '').replace(/^0+/, '');
    const exact = literal.includes('.') ? digits.length <= 15 : Number.isSafeInteger(Number(literal));
    if (!exact)
      throw invalid(`${nameOf(path)}${literal.slice(0, 40)} has more digits than can be kept exactly`, [
        { field, message: 'more digits than can be kept exactly' },
      ]);
    return Number(literal);
  }

  private word(): boolean | null {
    const word = this.match(WORD);
    if (!word) this.fail(this.at >= this.text.length ? 'the JSON ends too early' : 'no JSON value');
    return word === 'null' ? null : word === 'true';
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private take(sign: string): boolean {
    this.skip();
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  private skip(): void {
    const code = this.text.charCodeAt(this.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  private fail(what: string): never {
    throw invalid(`the body is not JSON: ${what} (at character ${this.at + 1})`);
  }
}

const nameOf = (path: string): string => (path ? `${path.slice(0, -1)}: ` : '');
