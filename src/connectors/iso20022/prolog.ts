import { BankFileError } from './bank-file-error.ts';

const MAX_PROLOG = 16 * 1024;

/**
 * What stands before the first element: a declaration, comments, white space. Nothing of a file goes to the parser before this
 * is known to be harmless, so a DOCTYPE is refused when its first character is there and not when it has been read to its end.
 */
export class Prolog {
  private held = '';
  private at = 0;

  /**
   * @returns everything that was taken so far, when the first element begins in it; undefined until then
   * @throws {BankFileError} for a DOCTYPE, another encoding than UTF-8, and what is not XML
   */
  take(text: string): string | undefined {
    this.held += text;
    for (;;) {
      this.skipSpace();
      const rest = this.held.slice(this.at, this.at + 4);
      if (rest && !rest.startsWith('<')) throw this.refused(rest.startsWith('\0') ? OTHER_ENCODING : 'the file does not begin with an XML element');
      if (rest.startsWith('<\0')) throw this.refused(OTHER_ENCODING);
      if (/^<[^?!]/.test(rest)) return this.held;
      if (rest.startsWith('<!') && !'<!--'.startsWith(rest)) throw this.refused('the file has a DOCTYPE or an entity of its own, which bank files do not need');
      if (!this.skipAside(rest)) return this.wait();
    }
  }

  /** @returns the line in which it stands, counted from 1 */
  get line(): number {
    return this.held.slice(0, this.at).split('\n').length;
  }

  private skipSpace(): void {
    while (/^[ \t\r\n]/.test(this.held.slice(this.at, this.at + 1))) this.at += 1;
  }

  /** Over a comment or a processing instruction. @returns whether it was there to its end */
  private skipAside(rest: string): boolean {
    const isComment = rest === '<!--';
    if (!isComment && !rest.startsWith('<?')) return false;
    const close = isComment ? '-->' : '?>';
    const end = this.held.indexOf(close, this.at + rest.length - (isComment ? 0 : 2));
    if (end < 0) return false;
    if (!isComment) this.checkDeclaration(this.held.slice(this.at, end));
    this.at = end + close.length;
    return true;
  }

  private checkDeclaration(instruction: string): void {
    const [, encoding] = /^<\?xml\s[^]*?encoding\s*=\s*["']([^"']*)/i.exec(instruction) ?? [];
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')
      throw this.refused(`the file says that its encoding is "${encoding.slice(0, 20)}"; only UTF-8 is read`);
  }

  private wait(): undefined {
    if (this.held.length > MAX_PROLOG) throw this.refused('no element begins in the first 16 KB');
  }

  private refused(why: string): BankFileError {
    return new BankFileError(why, this.line);
  }
}

export const OTHER_ENCODING = 'the file is not UTF-8 (UTF-16 and others are not read)';
