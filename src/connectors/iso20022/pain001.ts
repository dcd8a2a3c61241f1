import { assert } from '../../errors.ts';
import { type Minor, toDecimal } from '../../money.ts';
import { BankFileError } from './bank-file-error.ts';
import { BIC, BIC_03, IBAN, documentOf, formed, identified, isoDate, isoTime, tag, written } from './xml.ts';

export interface NamedParty {
  name: string;
  /** twelve digits: the BIN of an organisation or the IIN of a person */
  bin: string;
}
export interface AccountHolder extends NamedParty {
  iban: string;
  bic: string;
}

export interface CreditTransfer {
  /** at most 35 characters, comes back in statuses and statements; once in a batch */
  endToEndId: string;
  instructionId?: string;
  amount: Minor;
  currency: string;
  creditor: AccountHolder;
  /** beneficiary's code: residence and sector of the economy, two digits */
  kbe: string;
  /** code of the payment's purpose, three digits */
  knp: string;
  /** in words, at most `MAX_PURPOSE` characters */
  purpose: string;
}

export interface CreditTransferBatch {
  /** at most 35 characters, and the id of the batch's one payment information as well */
  messageId: string;
  createdAt: Date;
  initiator: NamedParty;
  debtor: AccountHolder;
  /** the day on which the bank is to execute, YYYY-MM-DD */
  requestedOn: string;
  version: '03' | '09';
  /** how many payments there will be, and their sum: they stand before the payments, so they are known before */
  count: number;
  controlSum: Minor;
  payments: Iterable<CreditTransfer> | AsyncIterable<CreditTransfer>;
}

/** What is left of the 140 characters of unstructured remittance after `/KBE/17/KNP/119/`. */
export const MAX_PURPOSE = 124;

const CHUNK = 64 * 1024;

/**
 * A pain.001.001.03 or .09 of credit transfers, in pieces of about 64 KB, without holding the batch (only its EndToEndIds).
 *
 * Where Kazakhstan's fields go: the KNP is `Purp/Prtry`; KBE and KNP lead the remittance text as `/KBE/17/KNP/119/`, which is
 * where a bank's operator and the beneficiary see them; a BIN is `Id/OrgId/Othr/Id`, an IIN `Id/PrvtId/Othr/Id`.
 *
 * What was written before a throw has no end and is no document: it is to be thrown away.
 * @throws {BankFileError} when a text does not fit its field; the payment is named by its EndToEndId
 * @throws {AssertionError} when count or sum are not what was said, currencies differ, or an EndToEndId comes twice
 */
export async function* writePain001(batch: CreditTransferBatch): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  let [piece, sum, currency] = ['', 0n, ''];
  for await (const payment of batch.payments) {
    if (seen.size === 0) piece = head(batch, (currency = payment.currency));
    assert(payment.currency === currency, 'the payments of a batch are of one currency');
    assert(payment.amount > 0n, 'a payment moves something');
    assert(!seen.has(payment.endToEndId), 'an EndToEndId stands once in a batch');
    seen.add(payment.endToEndId);
    sum += payment.amount;
    piece += transferOf(payment, batch.version);
    if (piece.length < CHUNK) continue;
    yield piece;
    piece = '';
  }
  assert(seen.size > 0, 'a batch has a payment');
  assert(sum < 10n ** 18n, 'the sum of a batch has eighteen digits at most, as the schema says');
  assert(seen.size === batch.count, 'a batch has as many payments as it says');
  assert(sum === batch.controlSum, 'the payments of a batch have the sum that it says');
  yield `${piece}</PmtInf></CstmrCdtTrfInitn></Document>\n`;
}

/**
 * Holds one payment against everything that the writer will ask of it, so that it can be refused before it spoils a batch.
 * @throws {BankFileError} naming the field
 */
export const checkCreditTransfer = (payment: CreditTransfer, version: CreditTransferBatch['version']): void => void transferOf(payment, version);

function head(batch: CreditTransferBatch, currency: string): string {
  const id = written(batch.messageId, 35, 'messageId');
  const totals = tag('NbOfTxs', String(batch.count)) + tag('CtrlSum', toDecimal(batch.controlSum, currency));
  const { name, bin } = batch.initiator;
  const initiator = tag('InitgPty', tag('Nm', written(name, 140, 'initiator.name')), identified(bin, 'initiator.bin'));
  const header = tag('GrpHdr', tag('MsgId', id), tag('CreDtTm', isoTime(batch.createdAt)), totals, initiator);
  // A booking for each payment, not one for the batch: the statement then names them one by one.
  const information = tag('PmtInfId', id) + tag('PmtMtd', 'TRF') + tag('BtchBookg', 'false') + totals;
  const requestedOn = isoDate(batch.requestedOn, 'requestedOn');
  const on = tag('ReqdExctnDt', batch.version === '03' ? requestedOn : tag('Dt', requestedOn));
  const { party, account, agent } = holder('Dbtr', batch.debtor, 'debtor', batch.version);
  const [open = ''] = documentOf(`pain.001.001.${batch.version}`).split('</Document>');
  return `${open}\n<CstmrCdtTrfInitn>${header}\n<PmtInf>${information}${on}${party}${account}${agent}\n`;
}

function transferOf(payment: CreditTransfer, version: CreditTransferBatch['version']): string {
  try {
    const { endToEndId, instructionId, amount, currency } = payment;
    const instruction = instructionId === undefined ? '' : tag('InstrId', written(instructionId, 35, 'instructionId'));
    const id = tag('PmtId', instruction, tag('EndToEndId', written(endToEndId, 35, 'endToEndId')));
    const moved = `<Amt><InstdAmt Ccy="${currency}">${toDecimal(amount, currency)}</InstdAmt></Amt>`;
    const { party, account, agent } = holder('Cdtr', payment.creditor, 'creditor', version);
    return `<CdtTrfTxInf>${id}${moved}${agent}${party}${account}${purposeOf(payment)}</CdtTrfTxInf>\n`;
  } catch (error) {
    if (!(error instanceof BankFileError)) throw error;
    throw new BankFileError(`payment ${payment.endToEndId.slice(0, 35)}: ${error.message}`);
  }
}

function purposeOf({ kbe, knp, purpose }: CreditTransfer): string {
  formed(kbe, /^\d{2}$/, 'kbe');
  formed(knp, /^\d{3}$/, 'knp');
  const words = written(purpose, MAX_PURPOSE, 'purpose');
  return tag('Purp', tag('Prtry', knp)) + tag('RmtInf', tag('Ustrd', `/KBE/${kbe}/KNP/${knp}/${words}`));
}

/** A party, its account and its bank: each is an element of its own, in an order that differs between debtor and creditor. */
function holder(as: 'Dbtr' | 'Cdtr', { name, bin, iban, bic }: AccountHolder, what: string, version: CreditTransferBatch['version']) {
  return {
    party: tag(as, tag('Nm', written(name, 140, `${what}.name`)), identified(bin, `${what}.bin`)),
    account: tag(`${as}Acct`, tag('Id', tag('IBAN', formed(iban, IBAN, `${what}.iban`)))),
    agent: tag(`${as}Agt`, tag('FinInstnId', tag(version === '03' ? 'BIC' : 'BICFI', formed(bic, version === '03' ? BIC_03 : BIC, `${what}.bic`)))),
  };
}
