import type { Minor } from '../../money.ts';
import { BankFileError } from './bank-file-error.ts';
import { type Detail, type Direction, detailOf, ENTRY_PARTS, type EntryHead, entryOf, HEAD_PARTS, headOf, NO_PARTY, type StatementHead } from './camt-parts.ts';
import { type KeyBasis, keyBasisOf, type LineIdentity, LineKeys } from './line-key.ts';
import { emptyNode, keep, type Money, neededText, timeAt, type XmlNode } from './node.ts';
import { type Limits, type Piece, readBankFile, type Shapes } from './reader.ts';

/** One movement on an account, as an entry or one of its transactions tells it. */
export interface StatementLine extends Omit<Detail, 'amounts' | 'direction' | 'line' | 'bankCode' | 'bankReference'> {
  kind: 'line';
  /** the same wherever this movement is told; @see LineKeys for what it rests on */
  lineKey: string;
  keyBasis: KeyBasis;
  statementId: string;
  account: string;
  entry: EntryHead;
  /** of the transaction, else of the entry */
  bankReference: string | null;
  /** what it moves on the account. The only transaction of an entry moves what the entry does, whatever it says of itself. */
  amount: Minor;
  currency: string;
  direction: Direction;
  /** what the transaction says of itself, where that is another amount or currency (a fee was taken, money was exchanged) */
  stated: Money | null;
  bankCode: string | null;
  /** from 0, within the entry */
  position: number;
  isLastOfEntry: boolean;
  /** on the last line of an entry: what the entry moves beyond its lines, in its direction; 0n when they add up */
  remainder: Minor | null;
}

export type CamtItem =
  | { kind: 'message'; message: string; messageId: string; createdAt: string | null }
  | ({ kind: 'statement' } & StatementHead)
  | StatementLine
  /** a statement was read to its end */
  | { kind: 'end'; statementId: string; entries: number; lines: number };

const ENTRIES = { Ntry: { NtryDtls: {} } };
/** By family; each has its own word for a statement. */
const CAMT: Shapes = {
  'camt.052': { BkToCstmrAcctRpt: { Rpt: ENTRIES } },
  'camt.053': { BkToCstmrStmt: { Stmt: ENTRIES } },
  'camt.054': { BkToCstmrDbtCdtNtfctn: { Ntfctn: ENTRIES } },
};

/**
 * Reads camt.052, 053 and 054 of any version by what they have in common (held against .02 and .08): a message, then
 * statements, each with its lines. Memory does not grow with the file, but for some 70 bytes a line that count equals.
 *
 * A file that turns out bad late has yielded lines before: keep them in one transaction with the file's end.
 * @throws {BankFileError} with the line
 */
export async function* readCamt(source: AsyncIterable<Uint8Array>, limits?: Partial<Limits>): AsyncGenerator<CamtItem, void, undefined> {
  for await (const items of readCamtTogether(source, limits)) yield* items;
}

/** The same, as many at a time as are there at once: a promise for each line is a good part of what it costs to read one. */
export async function* readCamtTogether(source: AsyncIterable<Uint8Array>, limits?: Partial<Limits>): AsyncGenerator<readonly CamtItem[], void, undefined> {
  const reading = new CamtReading();
  for await (const pieces of readBankFile(source, CAMT, limits)) {
    for (const piece of pieces) reading.take(piece);
    yield reading.taken();
  }
  reading.finish();
}

class CamtReading {
  private items: CamtItem[] = [];
  private readonly keys = new LineKeys();
  private message = '';
  private statements = 0;
  /** the head of the statement, in the making until its first entry */
  private head: XmlNode | undefined;
  private statement: StatementHead | undefined;
  private readonly counts = { entries: 0, lines: 0 };
  private entryNode: XmlNode | undefined;
  private entry: EntryHead | undefined;
  /** the last transaction that was read: it is told when it is known whether it is the only one */
  private held: Detail | undefined;
  private position = 0;
  private told: Minor = 0n;

  taken(): CamtItem[] {
    const { items } = this;
    this.items = [];
    return items;
  }

  finish(): void {
    if (this.statements === 0) throw new BankFileError(`the ${this.message} has no statement`);
  }

  take(piece: Piece): void {
    if (piece.kind === 'document') this.message = piece.message;
    else if (piece.kind === 'part') this.part(piece.of, piece.node);
    else if (piece.kind === 'begin') this.begin(piece.name, piece.line);
    else this.end(piece.name);
  }

  private begin(name: string, line: number): void {
    if (isStatement(name)) {
      this.head = emptyNode(name, line);
      [this.statement, this.statements] = [undefined, this.statements + 1];
      Object.assign(this.counts, { entries: 0, lines: 0 });
    } else if (name === 'Ntry') {
      this.headEnds();
      this.entryNode = emptyNode(name, line);
      [this.entry, this.held, this.position, this.told] = [undefined, undefined, 0, 0n];
    }
  }

  private part(of: string, node: XmlNode): void {
    if (of === 'Document') throw new BankFileError(`${this.message} holds ${node.name}, which is of another message`, node.line);
    if (node.name === 'GrpHdr')
      this.items.push({ kind: 'message', message: this.message, messageId: neededText(node, 'MsgId'), createdAt: timeAt(node, 'CreDtTm') });
    else if (isStatement(of)) this.headPart(node);
    else if (of === 'Ntry' && this.entryNode) this.entryPart(this.entryNode, node);
    else if (of === 'NtryDtls' && node.name === 'TxDtls') this.detail(node);
  }

  private headPart(node: XmlNode): void {
    if (this.statement && HEAD_PARTS.has(node.name)) throw new BankFileError(`${node.name} stands after the entries`, node.line);
    if (this.head && !this.statement) keep(this.head, node, HEAD_PARTS);
  }

  private entryPart(entry: XmlNode, node: XmlNode): void {
    if (this.entry && ENTRY_PARTS.has(node.name) && node.name !== 'AddtlNtryInf') throw new BankFileError(`${node.name} stands after the details`, node.line);
    keep(entry, node, ENTRY_PARTS);
  }

  private headEnds(): StatementHead {
    if (this.statement) return this.statement;
    this.statement = headOf(this.head as XmlNode);
    this.items.push({ kind: 'statement', ...this.statement });
    return this.statement;
  }

  private detail(node: XmlNode): void {
    this.entry ??= entryOf(this.entryNode as XmlNode);
    if (this.held) this.line(this.entry, this.held, false);
    this.held = detailOf(node);
  }

  private end(name: string): void {
    if (name === 'Ntry') {
      this.entry ??= entryOf(this.entryNode as XmlNode);
      this.line(this.entry, this.held ?? undetailed(this.entryNode as XmlNode), true);
      this.counts.entries += 1;
      this.entryNode = undefined;
    } else if (isStatement(name)) {
      const { id } = this.headEnds();
      this.items.push({ kind: 'end', statementId: id, ...this.counts });
    }
  }

  private line(entry: EntryHead, detail: Detail, isLastOfEntry: boolean): void {
    const { id: statementId, account } = this.statement as StatementHead;
    const { amounts, endToEndId } = detail;
    const isOnly = isLastOfEntry && this.position === 0;
    const own = isOnly ? entry : amounts.find(({ currency }) => currency === entry.currency);
    if (!own) throw new BankFileError(`a transaction of an entry with several has no amount in ${entry.currency}`, detail.line);
    const { amount, currency } = own;
    const direction = isOnly ? entry.direction : (detail.direction ?? entry.direction);
    this.told += direction === entry.direction ? amount : -amount;
    const bankReference = detail.bankReference ?? entry.bankReference;
    const on = entry.bookedOn ?? entry.valueOn;
    const identity: LineIdentity = { account, bankReference, entryReference: entry.reference, amount, currency, direction, on, endToEndId };
    // Member by member: to spread objects into one of this size took as long as all the rest of the reading.
    this.items.push({
      kind: 'line',
      lineKey: this.keys.keyOf(identity),
      keyBasis: keyBasisOf(identity),
      statementId,
      account,
      entry,
      bankReference,
      messageId: detail.messageId,
      paymentInformationId: detail.paymentInformationId,
      instructionId: detail.instructionId,
      endToEndId,
      transactionId: detail.transactionId,
      amount,
      currency,
      direction,
      stated: amounts.find((money) => money.amount !== amount || money.currency !== currency) ?? null,
      debtor: detail.debtor,
      creditor: detail.creditor,
      remittance: detail.remittance,
      bankCode: detail.bankCode ?? entry.bankCode,
      returned: detail.returned,
      info: detail.info,
      position: this.position,
      isLastOfEntry,
      remainder: isLastOfEntry ? entry.amount - this.told : null,
    });
    this.position += 1;
    this.counts.lines += 1;
  }
}

const isStatement = (name: string): boolean => name === 'Stmt' || name === 'Rpt' || name === 'Ntfctn';

/** The details of an entry that has none. */
const undetailed = (entry: XmlNode): Detail => ({
  ...{ line: entry.line, bankReference: null, messageId: null, paymentInformationId: null, instructionId: null, endToEndId: null, transactionId: null },
  ...{ amounts: [], direction: null, debtor: NO_PARTY, creditor: NO_PARTY, remittance: '', bankCode: null, returned: null },
  info: entry.children.find(({ name }) => name === 'AddtlNtryInf')?.text || null,
});
