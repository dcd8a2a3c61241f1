import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';

/** What is told of a file's markup, in its order. */
export interface Told {
  /**
   * @param name without a prefix
   * @param attributes those without a namespace, undefined where there are none
   * @param count of all attributes
   * @param written the name as it stands in the file
   */
  open(name: string, uri: string, attributes: ReadonlyMap<string, string> | undefined, count: number, written: string): void;
  close(): void;
  /** a text may come in several pieces */
  text(text: string): void;
  /** a comment or a processing instruction */
  aside(): void;
  refuse(why: string): never;
}

const [TAB, LINE, RETURN, SPACE, QUOTE, AMPERSAND, SLASH, LESS, EQUALS, GREATER] = [9, 10, 13, 32, 34, 38, 47, 60, 61, 62];

/** Kinds of characters: those that names of ISO 20022 are made of, others that mean nothing but themselves, and those to be looked at. */
const [LOOK, NAMED, OTHER] = [0, 1, 2];
const KINDS = Uint8Array.from({ length: 0x10000 }, (_, code) => {
  if (code < SPACE || code >= 0xfffe) return LOOK; // some are white space, the rest is not of XML
  const character = String.fromCharCode(code);
  return '"&<]'.includes(character) ? LOOK : /[\w.-]/.test(character) ? NAMED : OTHER;
});
/** @returns 0, which is no character of XML, where the text has ended: to read beyond it is slow */
const codeAt = (text: string, at: number): number => (at < text.length ? text.charCodeAt(at) : 0);

/**
 * Well-formed markup, with namespaces. `saxes` is the judge of it. Nearly all of a bank's file is plain, though: tags with at most one
 * attribute, texts with the five entities of XML. Those are read here, several times faster, and nothing else is: whatever is not plain,
 * or not whole in the text at hand, goes to `saxes`, which is told before which elements are open. So what is read here needs
 * to be a part of what `saxes` takes, and never more.
 */
export class Markup {
  /** elements that are open, as the file names them, the innermost last */
  private readonly open: string[] = [];
  private readonly parser = new SaxesParser({ xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true });
  /** elements that are open for the parser; the first `agreed` of them are open in the file */
  private readonly theirs: string[] = [];
  private agreed = 0;
  /** the parser is being told what was read here: that is no news */
  private isAgreeing = false;
  /** undefined before the root; false where it has a prefix, so that nothing without one is of its namespace */
  private isPlain: boolean | undefined;
  private uri = '';
  /** how deep an element stands that has another namespace for those without a prefix; 0 when none is open */
  private foreign = 0;
  /** characters that the parser was given */
  private fed = 0;
  /** where it last told of something */
  private heard = 0;
  /** where it last stood between two pieces of markup: from there on it can be read here */
  private between = -1;
  /** line feeds that were read here */
  private newlines = 0;
  private readonly names = new Names();
  private attribute = new Map<string, string>();
  private readonly told: Told;
  private readonly maxText: number;

  /** @param maxText characters of one text, tag or comment: what is longer is refused before it is whole */
  constructor(told: Told, maxText: number) {
    this.told = told;
    this.maxText = maxText;
    const { parser } = this;
    parser.on('error', ({ message }) => told.refuse(`this is not well-formed XML: ${message.slice(0, 120)}`));
    parser.on('doctype', () => told.refuse('the file has a DOCTYPE'));
    parser.on('opentag', (tag) => this.opened(tag));
    parser.on('closetag', () => this.closed());
    parser.on('text', (text) => this.heardText(text));
    parser.on('cdata', (text) => this.heardText(text, 0));
    parser.on('comment', () => this.aside(1)); // its > comes
    parser.on('processinginstruction', () => this.aside(0));
  }

  /** in which the reader stands, counted from 1 */
  get line(): number {
    return this.parser.line + this.newlines;
  }

  write(text: string): void {
    for (let at = 0; at < text.length;) {
      if (this.isPlain && this.between === this.fed && this.foreign === 0 && this.open.length > 0) at = this.plain(text, at);
      if (at < text.length) at = this.strict(text, at);
    }
  }

  /** The file ends here. */
  close(): void {
    this.parser.close();
  }

  /** Gives the parser a piece of the text: to the next place where it may have come between two pieces of markup. @returns where that is */
  private strict(text: string, from: number): number {
    this.agree();
    const greater = this.isPlain === false ? -1 : text.indexOf('>', from);
    const to = greater < 0 ? text.length : greater + 1;
    this.feed(text.slice(from, to));
    if (this.fed - this.heard > this.maxText) this.told.refuse(`a text, tag or comment is longer than ${this.maxText} characters`);
    return to;
  }

  private feed(text: string): void {
    this.parser.write(text);
    this.fed += text.length;
  }

  /** Has the parser close and open what was closed and opened here since it was last asked. */
  private agree(): void {
    const { open, theirs } = this;
    if (this.agreed === theirs.length && open.length === theirs.length) return;
    let markup = '';
    while (theirs.length > this.agreed) markup += `</${theirs.pop()}>`;
    for (const name of open.slice(this.agreed)) {
      markup += `<${name}>`;
      theirs.push(name);
    }
    this.agreed = theirs.length;
    this.isAgreeing = true;
    this.feed(markup);
    this.isAgreeing = false;
  }

  private opened(tag: SaxesTagNS): void {
    this.heard = this.between = this.parser.position;
    if (this.isAgreeing) return;
    if (this.isPlain === undefined) [this.isPlain, this.uri] = [tag.prefix === '', tag.uri];
    this.open.push(tag.name);
    this.agreed = this.theirs.push(tag.name);
    if (this.foreign === 0 && (tag.ns?.[''] ?? this.uri) !== this.uri) this.foreign = this.agreed;
    let [count, found]: [number, Map<string, string> | undefined] = [0, undefined];
    // Most elements have none: nothing is made for those.
    for (const name in tag.attributes) {
      const { uri, local, value } = tag.attributes[name] as SaxesAttributeNS;
      if (uri === '') (found ??= new Map()).set(local, value);
      count += 1;
    }
    this.told.open(nameOf(tag.local), tag.uri, found, count, tag.name);
  }

  private closed(): void {
    this.heard = this.between = this.parser.position;
    if (this.isAgreeing) return;
    this.open.pop();
    this.theirs.pop();
    this.agreed = this.theirs.length;
    if (this.agreed < this.foreign) this.foreign = 0;
    this.told.close();
  }

  private heardText(text: string, ahead?: number): void {
    this.heard = this.parser.position;
    if (ahead !== undefined) this.between = this.heard + ahead;
    this.told.text(text);
  }

  private aside(ahead: number): void {
    this.heard = this.parser.position;
    this.between = this.heard + ahead;
    this.told.aside();
  }

  /** Reads what is plain. @returns where it ends */
  private plain(text: string, from: number): number {
    for (let at = from; ;) {
      const next = codeAt(text, at) === LESS ? this.tag(text, at) : this.characters(text, at);
      if (next === at) return at;
      at = next;
    }
  }

  /** A text up to the next tag. @returns where that begins, or `from` when there is none or it is not plain */
  private characters(text: string, from: number): number {
    let [at, lines, hasEntity, hasReturn] = [from, 0, false, false];
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (KINDS[code] !== LOOK) continue;
      if (code === LESS) break;
      if (code === LINE) lines += 1;
      else if (code === AMPERSAND) hasEntity = true;
      else if (code === RETURN && codeAt(text, at + 1) === LINE) hasReturn = true;
      else if (code !== QUOTE && code !== TAB) return from;
    }
    if (at === from || at === text.length || at - from > this.maxText) return from;
    let found = text.slice(from, at);
    if (hasReturn) found = found.replaceAll('\r\n', '\n');
    if (hasEntity) {
      const resolved = withoutEntities(found);
      if (resolved === undefined) return from;
      found = resolved;
    }
    this.newlines += lines;
    this.told.text(found);
    return at;
  }

  /** A tag. @returns where it ends, or `from` when it is not plain or not whole */
  private tag(text: string, from: number): number {
    if (codeAt(text, from + 1) === SLASH) return this.closing(text, from);
    const start = from + 1;
    let [at, hash] = [start, 0];
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (KINDS[code] !== NAMED) break;
      hash = (hash * 31 + code) | 0;
    }
    if (!isLetter(codeAt(text, start))) return from;
    const name = this.names.of(text, start, at, hash);
    const code = codeAt(text, at);
    if (code === GREATER) return this.begins(name, undefined, at + 1);
    if (code === SLASH && codeAt(text, at + 1) === GREATER) return this.isEmpty(name, undefined, at + 2);
    return code === SPACE ? this.attributed(text, from, at + 1, name) : from;
  }

  /** A tag with one attribute. */
  private attributed(text: string, from: number, start: number, name: string): number {
    let at = start;
    while (KINDS[codeAt(text, at)] === NAMED) at++;
    if (!isLetter(codeAt(text, start)) || codeAt(text, at) !== EQUALS || codeAt(text, at + 1) !== QUOTE) return from;
    const attribute = text.slice(start, at);
    if (attribute === 'xmlns') return from; // namespaces are the parser's
    const value = at + 2;
    for (at = value; at < text.length; at++) {
      if (KINDS[text.charCodeAt(at)] === LOOK) break;
    }
    if (codeAt(text, at) !== QUOTE || at - from > this.maxText) return from;
    const found = this.attributes(attribute, text.slice(value, at));
    if (codeAt(text, at + 1) === GREATER) return this.begins(name, found, at + 2);
    return codeAt(text, at + 1) === SLASH && codeAt(text, at + 2) === GREATER ? this.isEmpty(name, found, at + 3) : from;
  }

  /** It is the currency, time and again: one map serves all amounts of one. */
  private attributes(name: string, value: string): ReadonlyMap<string, string> {
    if (this.attribute.get(name) !== value) this.attribute = new Map([[name, value]]);
    return this.attribute;
  }

  private begins(name: string, attributes: ReadonlyMap<string, string> | undefined, after: number): number {
    this.open.push(name);
    this.told.open(name, this.uri, attributes, attributes ? 1 : 0, name);
    return after;
  }

  private isEmpty(name: string, attributes: ReadonlyMap<string, string> | undefined, after: number): number {
    this.told.open(name, this.uri, attributes, attributes ? 1 : 0, name);
    this.told.close();
    return after;
  }

  /** The end tag of the innermost element; that of the root, and one that is wrong, are the parser's. */
  private closing(text: string, from: number): number {
    const { open } = this;
    const name = open[open.length - 1] as string;
    const after = from + 2 + name.length;
    if (open.length === 1 || !hasAt(text, name, from + 2) || codeAt(text, after) !== GREATER) return from;
    open.pop();
    if (open.length < this.agreed) this.agreed = open.length;
    this.told.close();
    return after + 1;
  }
}

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" };

/** @returns undefined where there are others, numbers among them */
function withoutEntities(text: string): string | undefined {
  let isKnown = true;
  const resolved = text.replaceAll(/&(?:amp;|lt;|gt;|quot;|apos;)?/g, (entity) => ENTITIES[entity] ?? ((isKnown = false), ''));
  return isKnown ? resolved : undefined;
}

/** Whether a text has that name there, which does not end before the text does. */
function hasAt(text: string, name: string, at: number): boolean {
  if (at + name.length > text.length) return false;
  for (let i = 0; i < name.length; i++) if (text.charCodeAt(at + i) !== name.charCodeAt(i)) return false;
  return true;
}

/** A string of its own, which holds no part of the file. One for each name: as the name of a member it is compared by where it is. */
const nameOf = (text: string): string => Object.keys({ [text]: 0 })[0] as string;

const SLOTS = 1_024;

/** Names that come again and again: no copy is made of those that were met. */
class Names {
  private readonly slots: string[] = Array.from({ length: SLOTS }, () => '');

  of(text: string, from: number, to: number, hash: number): string {
    const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
    const known = this.slots[slot] as string;
    if (known.length === to - from && hasAt(text, known, from)) return known;
    return (this.slots[slot] = nameOf(text.slice(from, to)));
  }
}
