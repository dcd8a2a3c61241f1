import type { CreditTransfer } from '../connectors/iso20022/pain001.ts';
import { child, moneyAt, neededText, textAt, type XmlNode } from '../connectors/iso20022/node.ts';
import { readBankFile } from '../connectors/iso20022/reader.ts';
import { BankFileError } from '../connectors/iso20022/bank-file-error.ts';

/** A file of payments, as the bank takes it. */
export interface TakenFile {
  messageId: string;
  debtor: string;
  payments: CreditTransfer[];
}

const PAIN001 = { 'pain.001': { CstmrCdtTrfInitn: { PmtInf: {} } } };

/** Reads a pain.001 of ours, whole: a sandbox has time and room. @throws {BankFileError} */
export async function readPain001(source: AsyncIterable<Uint8Array>): Promise<TakenFile> {
  let [messageId, debtor] = ['', ''];
  const payments: CreditTransfer[] = [];
  for await (const pieces of readBankFile(source, PAIN001))
    for (const piece of pieces) {
      if (piece.kind !== 'part') continue;
      const { node } = piece;
      if (node.name === 'GrpHdr') messageId = neededText(node, 'MsgId');
      if (node.name === 'DbtrAcct') debtor = neededText(node, 'Id', 'IBAN');
      if (node.name === 'CdtTrfTxInf') payments.push(paymentIn(node));
    }
  if (!messageId || !debtor) throw new BankFileError('the pain.001 says neither what it is nor whose account it debits');
  return { messageId, debtor, payments };
}

function paymentIn(node: XmlNode): CreditTransfer {
  const money = moneyAt(node, 'Amt', 'InstdAmt');
  if (!money) throw new BankFileError('CdtTrfTxInf has no amount', node.line);
  const remittance = textAt(node, 'RmtInf', 'Ustrd') ?? '';
  const [, kbe = '', knp = '', purpose = ''] = /^\/KBE\/(\d\d)\/KNP\/(\d{3})\/(.*)$/s.exec(remittance) ?? [];
  const id = child(node, 'Cdtr', 'Id');
  return {
    ...{ endToEndId: neededText(node, 'PmtId', 'EndToEndId'), amount: money.amount, currency: money.currency, kbe, knp, purpose: purpose || 'payment' },
    creditor: {
      name: neededText(node, 'Cdtr', 'Nm'),
      bin: textAt(id, 'OrgId', 'Othr', 'Id') ?? textAt(id, 'PrvtId', 'Othr', 'Id') ?? '',
      iban: neededText(node, 'CdtrAcct', 'Id', 'IBAN'),
      bic: textAt(node, 'CdtrAgt', 'FinInstnId', 'BICFI') ?? textAt(node, 'CdtrAgt', 'FinInstnId', 'BIC') ?? '',
    },
  };
}
