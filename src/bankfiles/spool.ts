import type { FileHandle } from 'node:fs/promises';
import type { StatementLine } from '../connectors/iso20022/camt.ts';
import { assert } from '../errors.ts';

/** Lines that are written together: few, since what is on its way here dies young, and what lives longer is copied again and again. */
const PIECE = 100;
/** Lines that are given back together, at least. */
const CHUNK = 1_000;

/**
 * Lines of a statement between their reading and their use, in a file that has no name any more: a file is read to its end before
 * anything of it counts, it may hold more lines than memory does, and to read it twice would take twice as long. A crash leaves nothing.
 */
export class Spool {
  private readonly file: FileHandle;
  /** bytes of each piece that was written */
  private readonly sizes: number[] = [];
  private lines: Packed[] = [];

  constructor(file: FileHandle) {
    this.file = file;
  }

  /** Takes a line; it is held until `drain` or `read`. */
  add(line: StatementLine): void {
    this.lines.push(packed(line));
  }

  /** Writes what is held, where it is enough for a piece. */
  async drain(): Promise<void> {
    if (this.lines.length >= PIECE) await this.write();
  }

  /** What was added, in its order, in chunks. Nothing can be added any more. */
  async *read(): AsyncGenerator<StatementLine[], void, undefined> {
    if (this.lines.length > 0) await this.write();
    let chunk: StatementLine[] = [];
    let [at, room] = [0, Buffer.alloc(0)];
    for (const bytes of this.sizes) {
      if (room.length < bytes) room = Buffer.allocUnsafeSlow(bytes);
      const { bytesRead } = await this.file.read(room, 0, bytes, at);
      assert(bytesRead === bytes, 'what was written to a spool can be read from it');
      at += bytes;
      for (const line of JSON.parse(room.toString('utf8', 0, bytes)) as Packed[]) chunk.push(unpacked(line));
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async write(): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(this.lines));
    this.sizes.push(bytes.length);
    this.lines = [];
    await this.file.appendFile(bytes); // all of it, or an error
  }
}

/** A line in JSON without the names of its members, which take longer to write and to read than what they hold. */
function packed(line: StatementLine) {
  const { entry, debtor, creditor } = line;
  return [
    line.lineKey,
    line.keyBasis,
    line.statementId,
    line.account,
    line.bankReference,
    line.messageId,
    line.paymentInformationId,
    line.instructionId,
    line.endToEndId,
    line.transactionId,
    String(line.amount),
    line.currency,
    line.direction,
    line.stated && String(line.stated.amount),
    line.stated && line.stated.currency,
    line.remittance,
    line.bankCode,
    line.returned,
    line.info,
    line.position,
    line.isLastOfEntry,
    line.remainder === null ? null : String(line.remainder),
    entry.line,
    entry.reference,
    entry.bankReference,
    String(entry.amount),
    entry.currency,
    entry.direction,
    entry.status,
    entry.isReversal,
    entry.bookedOn,
    entry.valueOn,
    entry.bankCode,
    debtor.name,
    debtor.account,
    debtor.id,
    debtor.bic,
    creditor.name,
    creditor.account,
    creditor.id,
    creditor.bic,
  ] as const;
}
type Packed = ReturnType<typeof packed>;

function unpacked(all: Packed): StatementLine {
  const [
    lineKey,
    keyBasis,
    statementId,
    account,
    bankReference,
    messageId,
    paymentInformationId,
    instructionId,
    endToEndId,
    transactionId,
    amount,
    currency,
    direction,
    statedAmount,
    statedCurrency,
    remittance,
    bankCode,
    returned,
    info,
    position,
    isLastOfEntry,
    remainder,
    entryLine,
    entryReference,
    entryBankReference,
    entryAmount,
    entryCurrency,
    entryDirection,
    entryStatus,
    entryIsReversal,
    entryBookedOn,
    entryValueOn,
    entryBankCode,
    debtorName,
    debtorAccount,
    debtorId,
    debtorBic,
    creditorName,
    creditorAccount,
    creditorId,
    creditorBic,
  ] = all;
  return {
    kind: 'line',
    lineKey,
    keyBasis,
    statementId,
    account,
    bankReference,
    messageId,
    paymentInformationId,
    instructionId,
    endToEndId,
    transactionId,
    amount: BigInt(amount),
    currency,
    direction,
    stated: statedAmount !== null && statedCurrency !== null ? { amount: BigInt(statedAmount), currency: statedCurrency } : null,
    remittance,
    bankCode,
    returned,
    info,
    position,
    isLastOfEntry,
    remainder: remainder === null ? null : BigInt(remainder),
    entry: {
      line: entryLine,
      reference: entryReference,
      bankReference: entryBankReference,
      amount: BigInt(entryAmount),
      currency: entryCurrency,
      direction: entryDirection,
      status: entryStatus,
      isReversal: entryIsReversal,
      bookedOn: entryBookedOn,
      valueOn: entryValueOn,
      bankCode: entryBankCode,
    },
    debtor: { name: debtorName, account: debtorAccount, id: debtorId, bic: debtorBic },
    creditor: { name: creditorName, account: creditorAccount, id: creditorId, bic: creditorBic },
  };
}
