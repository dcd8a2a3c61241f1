import { BankFileError } from './bank-file-error.ts';
import { Markup, type Told } from './markup.ts';
import { addTo, emptyNode, type XmlNode } from './node.ts';
import { OTHER_ENCODING, Prolog } from './prolog.ts';

export interface Limits {
  maxBytes: number;
  /** elements in elements; Document is 1 */
  maxDepth: number;
  /** of one element */
  maxAttributes: number;
  /** characters of one element's text, and of one tag or comment, as they stand in the file (an entity counts by its length) */
  maxText: number;
  /** elements of the file */
  maxNodes: number;
  /** elements of one part, which is held in memory; its text may be that many KB at most */
  maxPartNodes: number;
}

export const LIMITS: Limits = { maxBytes: 120 * 1024 * 1024, maxDepth: 64, maxAttributes: 64, maxText: 64 * 1024, maxNodes: 10_000_000, maxPartNodes: 2_000 };

/** Elements that are entered, by name, and what of theirs is entered in turn. Everything else in them comes as a part. */
export interface Entered {
  [name: string]: Entered;
}
/** What can be read: the inside of `Document` for each family of messages, such as camt.053. */
export type Shapes = Readonly<Record<string, Entered>>;

/** What a file is made of, in its order. */
export type Piece =
  | { kind: 'document'; message: string; line: number }
  | { kind: 'begin' | 'end'; name: string; line: number }
  /** an element with all that it holds, in the element `of` that was entered */
  | { kind: 'part'; of: string; node: XmlNode };

const SLICE = 64 * 1024;
const NAMESPACE = /^urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.\d{3})\.(\d{3}\.\d{2})$/;

/**
 * Reads an ISO 20022 file as a stream: as many pieces at a time as 64 KB of the file hold, and no further than is asked for.
 *
 * Strict where a file could mean two things or cost more than it is worth: no DOCTYPE, no entities but those of XML, no elements
 * of other namespaces (`SplmtryData` is passed over), no text between elements, no comments inside values, limits on everything.
 *
 * A file that turns out bad late has yielded its good beginning before: keep nothing of it unless it was read to its end.
 * @throws {BankFileError} with the line
 */
export async function* readBankFile(
  source: AsyncIterable<Uint8Array>,
  shapes: Shapes,
  limits: Partial<Limits> = {},
): AsyncGenerator<readonly Piece[], void, undefined> {
  yield* piecesOf(source, new Parsing(shapes, { ...LIMITS, ...limits }), SLICE);
}

async function* piecesOf(source: AsyncIterable<Uint8Array>, parsing: Parsing, slice: number): AsyncGenerator<readonly Piece[], void, undefined> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += slice) {
      const pieces = parsing.write(chunk.subarray(at, at + slice));
      if (pieces.length) yield pieces;
    }
  }
  const last = parsing.end();
  if (last.length) yield last;
}

/**
 * Which message a file is, such as camt.053.001.08, by the namespace of its root. Reads hardly any further.
 * @throws {BankFileError} when it is not an ISO 20022 document
 */
export async function messageOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  // In small slices, since what follows the root is read as one part here, and that of a good file may be too large for one.
  for await (const [first] of piecesOf(source, new Parsing(ANY, LIMITS), 256)) if (first?.kind === 'document') return first.message;
  throw new BankFileError('the file has no element');
}
const ANY: Shapes = new Proxy({}, { get: () => ({}), has: () => true });

class Parsing implements Told {
  private readonly markup: Markup;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly prolog = new Prolog();
  private readonly shapes: Shapes;
  private readonly limits: Limits;
  private pieces: Piece[] = [];
  private bytes = 0;
  private nodes = 0;
  private depth = 0;
  private hasBegun = false;
  private namespace = '';
  /** elements that were entered, the innermost last */
  private readonly inside: { name: string; enters: Entered }[] = [];
  /** the part that is being read, from its root to where the reader stands */
  private readonly part: XmlNode[] = [];
  private partNodes = 0;
  private partText = 0;
  /** depth of the element that is passed over with all it holds; 0 when none is */
  private passing = 0;
  private commented: XmlNode | undefined;

  constructor(shapes: Shapes, limits: Limits) {
    this.shapes = shapes;
    this.limits = limits;
    this.markup = new Markup(this, limits.maxText);
  }

  write(bytes: Uint8Array): Piece[] {
    this.bytes += bytes.length;
    if (this.bytes > this.limits.maxBytes) this.refuse(`the file is larger than ${this.limits.maxBytes} bytes`);
    this.feed(this.decoded(bytes));
    return this.taken();
  }

  end(): Piece[] {
    this.feed(this.decoded());
    if (!this.hasBegun) this.refuse('the file ends before its first element');
    const innermost = this.part.at(-1)?.name ?? this.inside.at(-1)?.name;
    if (this.depth > 0) this.refuse(`the file is cut off: ${innermost ? `${innermost} is not closed` : 'an element is not closed'}`);
    this.markup.close();
    return this.taken();
  }

  private taken(): Piece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  private decoded(bytes?: Uint8Array): string {
    try {
      return bytes ? this.decoder.decode(bytes, { stream: true }) : this.decoder.decode();
    } catch {
      return this.refuse(OTHER_ENCODING);
    }
  }

  private feed(text: string): void {
    const ready = this.hasBegun ? text : this.prolog.take(text);
    if (ready === undefined) return;
    this.hasBegun = true;
    this.markup.write(ready); // what the prolog held back is at most a few slices
  }

  open(name: string, uri: string, attributes: ReadonlyMap<string, string> | undefined, count: number, written: string): void {
    const { maxDepth, maxNodes, maxAttributes } = this.limits;
    this.depth += 1;
    this.nodes += 1;
    if (this.depth > maxDepth) this.refuse(`elements stand more than ${maxDepth} deep`);
    if (this.nodes > maxNodes) this.refuse(`the file has more than ${maxNodes} elements`);
    if (count > maxAttributes) this.refuse(`${written.slice(0, 40)} has more than ${maxAttributes} attributes`);
    if (this.passing) return;
    if (this.depth === 1) return this.root(name, uri);
    if (uri !== this.namespace) this.refuse(`${written.slice(0, 40)} is of another namespace than the document`);
    if (name === 'SplmtryData') this.passing = this.depth;
    else if (this.part.length === 0 && this.inside.at(-1)?.enters[name]) this.enter(name);
    else this.begin(emptyNode(name, this.markup.line, attributes));
  }

  private root(name: string, uri: string): void {
    const [, family = '', version] = NAMESPACE.exec(uri) ?? [];
    if (name !== 'Document' || !version) this.refuse(`the root is ${name.slice(0, 40)} of "${uri.slice(0, 80)}", not Document of an ISO 20022 message`);
    const shape = this.shapes[family];
    if (!shape) this.refuse(`the file is a ${family}.${version}, which is not what is read here (${Object.keys(this.shapes).join(', ')})`);
    this.namespace = uri;
    this.inside.push({ name, enters: shape });
    this.pieces.push({ kind: 'document', message: `${family}.${version}`, line: this.markup.line });
  }

  private enter(name: string): void {
    this.inside.push({ name, enters: this.inside.at(-1)?.enters[name] ?? {} });
    this.pieces.push({ kind: 'begin', name, line: this.markup.line });
  }

  private begin(node: XmlNode): void {
    const parent = this.part.at(-1);
    if (parent) addTo(parent, node);
    else [this.partNodes, this.partText] = [0, 0];
    this.partNodes += 1;
    if (this.partNodes > this.limits.maxPartNodes) this.refuse(`${this.part[0]?.name} holds more than ${this.limits.maxPartNodes} elements`);
    this.part.push(node);
  }

  close(): void {
    this.depth -= 1;
    if (this.passing) {
      if (this.depth < this.passing) this.passing = 0;
      return;
    }
    const node = this.part.pop();
    if (node) return this.complete(node);
    const { name } = this.inside.pop() as { name: string };
    if (name !== 'Document') this.pieces.push({ kind: 'end', name, line: this.markup.line });
  }

  private complete(node: XmlNode): void {
    if (node.text) node.text = node.text.trim();
    if (node.children.length && node.text) this.refuse(`${node.name} has text between its elements`);
    if (this.commented === node && node.text) this.refuse(`${node.name} has a comment inside its value`);
    if (this.part.length === 0) this.pieces.push({ kind: 'part', of: this.inside.at(-1)?.name ?? '', node });
  }

  text(text: string): void {
    if (this.passing || this.depth === 0) return;
    const node = this.part.at(-1);
    if (!node) {
      if (text.trim()) this.refuse(`${this.inside.at(-1)?.name} has text between its elements`);
      return;
    }
    node.text = node.text ? node.text + text : text;
    this.partText += text.length;
    if (node.text.length > this.limits.maxText) this.refuse(`${node.name} is longer than ${this.limits.maxText} characters`);
    if (this.partText > this.limits.maxPartNodes * 1024) this.refuse(`${this.part[0]?.name} holds more text than can be`);
  }

  /** Nothing is read of it, but inside a value one reader would see one value and another two. */
  aside(): void {
    this.commented = this.part.at(-1);
  }

  refuse(why: string): never {
    throw new BankFileError(why, this.hasBegun ? this.markup.line : this.prolog.line);
  }
}
