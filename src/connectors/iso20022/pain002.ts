import { BankFileError } from './bank-file-error.ts';
import { all, codeAt, emptyNode, keep, neededText, textAt, timeAt, type XmlNode } from './node.ts';
import { type Limits, type Piece, readBankFile, type Shapes } from './reader.ts';

/**
 * What a status means to who waits. `accepted` is not paid: the bank may still refuse. What is not in the table, and a status that
 * is not said, is `pending`: nobody knows yet.
 */
export type Outcome = 'accepted' | 'executed' | 'rejected' | 'pending' | 'partial';

/** @source ISO 20022 external code sets, payment group and payment transaction status */
const OUTCOMES = new Map<string, Outcome>([
  ...['ACTC', 'ACCP', 'ACSP', 'ACWC', 'ACFC', 'ACWP'].map((code) => [code, 'accepted'] as const),
  ...['ACSC', 'ACCC'].map((code) => [code, 'executed'] as const),
  ...['RJCT', 'CANC'].map((code) => [code, 'rejected'] as const),
  ...['PDNG', 'RCVD', 'PATC', 'PRES', 'BLCK'].map((code) => [code, 'pending'] as const),
  ['PART', 'partial'],
]);

export const outcomeOf = (code: string | null): Outcome => OUTCOMES.get(code ?? '') ?? 'pending';

export interface StatusReason {
  /** of the external code set, or the bank's own; null where it gives only words */
  code: string | null;
  info: string[];
}

interface Status {
  /** as the bank says it; null where it says none at this level */
  status: string | null;
  outcome: Outcome;
  reasons: StatusReason[];
}

export type StatusItem =
  | ({ kind: 'group'; messageId: string; createdAt: string | null; originalMessageId: string; originalMessage: string | null } & Status)
  | ({ kind: 'batch'; originalPaymentInformationId: string } & Status)
  | ({
      kind: 'payment';
      originalPaymentInformationId: string | null;
      originalEndToEndId: string | null;
      originalInstructionId: string | null;
      /** the bank's reference of the payment, where it gives one */
      bankReference: string | null;
      /** it has no status of its own; this is the batch's or the group's */
      isInherited: boolean;
    } & Status);

const BATCH = 'OrgnlPmtInfAndSts';
const PAIN002: Shapes = { 'pain.002': { CstmrPmtStsRpt: { [BATCH]: {} } } };
const BATCH_PARTS: ReadonlySet<string> = new Set(['OrgnlPmtInfId', 'PmtInfSts', 'StsRsnInf']);

/**
 * Reads a pain.002 of any version by what they have in common: the group's status, then each payment information's (which is one
 * batch of ours) and its payments'.
 *
 * A payment that the bank does not name has the batch's or the group's status, when that is not partial; who sent the batch
 * knows its payments. A payment that is named without a status inherits in the same way.
 * @throws {BankFileError} with the line
 */
export async function* readPain002(source: AsyncIterable<Uint8Array>, limits?: Partial<Limits>): AsyncGenerator<StatusItem, void, undefined> {
  const reading = new StatusReading();
  for await (const pieces of readBankFile(source, PAIN002, limits)) {
    for (const piece of pieces) reading.take(piece);
    yield* reading.taken();
  }
  reading.finish();
}

class StatusReading {
  private items: StatusItem[] = [];
  private header: XmlNode | undefined;
  private group: (StatusItem & { kind: 'group' }) | undefined;
  private batchNode: XmlNode | undefined;
  private batch: (StatusItem & { kind: 'batch' }) | undefined;

  taken(): StatusItem[] {
    const { items } = this;
    this.items = [];
    return items;
  }

  finish(): void {
    if (!this.group) throw new BankFileError('the pain.002 does not say which message it answers (OrgnlGrpInfAndSts)');
  }

  take(piece: Piece): void {
    if (piece.kind === 'part') this.part(piece.of, piece.node);
    else if (piece.kind === 'begin' && piece.name === BATCH) [this.batchNode, this.batch] = [emptyNode(BATCH, piece.line), undefined];
    else if (piece.kind === 'end' && piece.name === BATCH) this.batchEnds();
  }

  private part(of: string, node: XmlNode): void {
    if (of === 'Document') throw new BankFileError(`the pain.002 holds ${node.name}, which is of another message`, node.line);
    if (of !== BATCH) this.top(node);
    else if (node.name === 'TxInfAndSts') this.payment(node);
    else if (this.batch && BATCH_PARTS.has(node.name)) throw new BankFileError(`${node.name} stands after the payments`, node.line);
    else keep(this.batchNode as XmlNode, node, BATCH_PARTS);
  }

  private top(node: XmlNode): void {
    if (node.name === 'GrpHdr') this.header = node;
    if (node.name !== 'OrgnlGrpInfAndSts') return;
    if (!this.header) throw new BankFileError('OrgnlGrpInfAndSts stands before GrpHdr', node.line);
    if (this.group) throw new BankFileError('there is more than one OrgnlGrpInfAndSts', node.line);
    this.group = {
      kind: 'group',
      messageId: neededText(this.header, 'MsgId'),
      createdAt: timeAt(this.header, 'CreDtTm'),
      originalMessageId: neededText(node, 'OrgnlMsgId'),
      originalMessage: textAt(node, 'OrgnlMsgNmId'),
      ...statusOf(node, 'GrpSts'),
    };
    this.items.push(this.group);
  }

  private batchEnds(): StatusItem & { kind: 'batch' } {
    if (this.batch) return this.batch;
    const node = this.batchNode as XmlNode;
    if (!this.group) throw new BankFileError(`${BATCH} stands before OrgnlGrpInfAndSts`, node.line);
    this.batch = { kind: 'batch', originalPaymentInformationId: neededText(node, 'OrgnlPmtInfId'), ...statusOf(node, 'PmtInfSts') };
    this.items.push(this.batch);
    return this.batch;
  }

  private payment(node: XmlNode): void {
    const batch = this.batchEnds();
    const [originalEndToEndId, originalInstructionId] = [textAt(node, 'OrgnlEndToEndId'), textAt(node, 'OrgnlInstrId')];
    if (originalEndToEndId === null && originalInstructionId === null) throw new BankFileError('TxInfAndSts does not say which payment it is about', node.line);
    const own = statusOf(node, 'TxSts');
    const above = [batch.status, this.group?.status].find(Boolean) ?? null;
    const status = own.status ?? (outcomeOf(above) === 'partial' ? null : above);
    this.items.push({
      ...{ kind: 'payment', originalPaymentInformationId: batch.originalPaymentInformationId, originalEndToEndId, originalInstructionId },
      ...{ bankReference: textAt(node, 'AcctSvcrRef'), isInherited: own.status === null, ...own, status, outcome: outcomeOf(status) },
    });
  }
}

function statusOf(node: XmlNode, name: string): Status {
  const status = textAt(node, name);
  const reasons = all(node, 'StsRsnInf').map((one) => ({ code: codeAt(one, 'Rsn'), info: all(one, 'AddtlInf').map(({ text }) => text) }));
  return { status, outcome: outcomeOf(status), reasons };
}
