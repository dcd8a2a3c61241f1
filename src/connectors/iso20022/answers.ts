import { type Minor, toDecimal } from '../../money.ts';
import type { CreditTransfer, NamedParty } from './pain001.ts';
import { documentOf, formed, IBAN, identified, isoDate, isoTime, tag, written } from './xml.ts';

/** What a bank answers, written as a bank writes it: for tests, and for the other side of a sandbox. Small documents, as whole strings. */

export interface AnsweredReason {
  code?: string;
  /** at most 105 characters */
  info?: string;
}
export interface AnsweredPayment {
  endToEndId: string;
  instructionId?: string;
  /** none: it has that of its batch */
  status?: string;
  reason?: AnsweredReason;
  bankReference?: string;
}
export interface StatusAnswer {
  messageId: string;
  createdAt: Date;
  version: '03' | '10' | '14';
  original: { messageId: string; message: string };
  status?: string;
  reason?: AnsweredReason;
  batches?: { paymentInformationId: string; status?: string; reason?: AnsweredReason; payments?: Iterable<AnsweredPayment> }[];
}

/** A pain.002.001.03, .10 or .14: what is used of them is the same in all. @throws {BankFileError} when a text does not fit its field */
export function writePain002(answer: StatusAnswer): string {
  const { original, batches = [] } = answer;
  const originally = tag('OrgnlMsgId', id(original.messageId)) + tag('OrgnlMsgNmId', id(original.message));
  const group = tag('OrgnlGrpInfAndSts', originally, optional('GrpSts', answer.status, 4), reasonIn(answer.reason));
  const told = batches.map(({ paymentInformationId, status, reason, payments = [] }) =>
    tag(
      'OrgnlPmtInfAndSts',
      ...[tag('OrgnlPmtInfId', id(paymentInformationId)), optional('PmtInfSts', status, 4), reasonIn(reason), '\n'],
      ...[...payments].map(paymentStatus),
    ),
  );
  return documentOf(`pain.002.001.${answer.version}`, '\n', tag('CstmrPmtStsRpt', header(answer), '\n', group, '\n', told.join('\n')));
}

const paymentStatus = ({ endToEndId, instructionId, status, reason, bankReference }: AnsweredPayment): string =>
  `${tag(
    'TxInfAndSts',
    ...[optional('OrgnlInstrId', instructionId), tag('OrgnlEndToEndId', id(endToEndId)), optional('TxSts', status, 4)],
    ...[reasonIn(reason), optional('AcctSvcrRef', bankReference)],
  )}\n`;

const reasonIn = (reason: AnsweredReason | undefined): string =>
  reason ? tag('StsRsnInf', tag('Rsn', optional('Cd', reason.code, 4)), optional('AddtlInf', reason.info, 105)) : '';

export interface AnsweredDetail {
  endToEndId?: string;
  instructionId?: string;
  messageId?: string;
  bankReference?: string;
  amount: Minor;
  debtor?: NamedParty & { iban: string };
  creditor?: NamedParty & { iban: string };
  /** at most 140 characters */
  remittance?: string;
  /** money that comes back, and why */
  returned?: AnsweredReason;
}
export interface AnsweredEntry {
  reference?: string;
  bankReference?: string;
  amount: Minor;
  direction: 'credit' | 'debit';
  status?: 'BOOK' | 'PDNG' | 'INFO';
  isReversal?: boolean;
  bookedOn?: string;
  valueOn?: string;
  /** domain, family and sub-family; a credit transfer that was sent when none is given */
  bankCode?: readonly [string, string, string];
  details?: Iterable<AnsweredDetail>;
}
export interface AccountAnswer {
  messageId: string;
  createdAt: Date;
  id: string;
  sequence?: number;
  iban: string;
  currency: string;
  from?: Date;
  to?: Date;
  entries: Iterable<AnsweredEntry>;
}
export interface StatementAnswer extends AccountAnswer {
  /** minor units, below zero when overdrawn */
  opening: { amount: Minor; on: string };
  closing: { amount: Minor; on: string };
}

/** A camt.053.001.08: what moved on an account, between two balances. @throws {BankFileError} when a text does not fit its field */
export function writeCamt053(answer: StatementAnswer): string {
  const { opening, closing, currency } = answer;
  const balances = balance('OPBD', opening, currency) + balance('CLBD', closing, currency);
  return documentOf('camt.053.001.08', '\n', tag('BkToCstmrStmt', header(answer), '\n', tag('Stmt', accountIn(answer), balances, '\n', entriesOf(answer))));
}

/** A camt.054.001.08: debits and credits as they happen. @throws {BankFileError} when a text does not fit its field */
export const writeCamt054 = (answer: AccountAnswer): string =>
  documentOf('camt.054.001.08', '\n', tag('BkToCstmrDbtCdtNtfctn', header(answer), '\n', tag('Ntfctn', accountIn(answer), '\n', entriesOf(answer))));

/** The booking of one payment that was sent, with all that the bank was told of it. */
export function entryOfPayment(
  payment: CreditTransfer,
  booked: { bankReference: string; on: string; messageId?: string; debtor?: AnsweredDetail['debtor'] },
): AnsweredEntry {
  const { endToEndId, instructionId, amount, creditor, purpose } = payment;
  const { bankReference, on, messageId, debtor } = booked;
  const detail = { endToEndId, instructionId, messageId, bankReference, amount, debtor, creditor, remittance: purpose };
  return { bankReference, amount, direction: 'debit', bookedOn: on, valueOn: on, details: [detail] };
}

/** The booking of a payment that came back, to the account that it left. */
export function returnOfPayment(payment: CreditTransfer, booked: { bankReference: string; on: string; reason: AnsweredReason }): AnsweredEntry {
  const { endToEndId, instructionId, amount } = payment;
  const { bankReference, on, reason } = booked;
  const detail = { endToEndId, instructionId, bankReference, amount, returned: reason };
  return { bankReference, amount, direction: 'credit', bookedOn: on, valueOn: on, bankCode: ['PMNT', 'ICDT', 'RRTN'], details: [detail] };
}

function accountIn({ id: ofStatement, sequence, createdAt, from, to, iban, currency }: AccountAnswer): string {
  const period = from && to ? tag('FrToDt', tag('FrDtTm', isoTime(from)), tag('ToDtTm', isoTime(to))) : '';
  const account = tag('Acct', tag('Id', tag('IBAN', formed(iban, IBAN, 'iban'))), tag('Ccy', currency));
  return tag('Id', id(ofStatement)) + tag('ElctrncSeqNb', sequence?.toString()) + tag('CreDtTm', isoTime(createdAt)) + period + account;
}

const entriesOf = ({ entries, currency }: AccountAnswer): string => [...entries].map((entry) => `${entryIn(entry, currency)}\n`).join('');

function entryIn(entry: AnsweredEntry, currency: string): string {
  const [domain, family, subFamily] = entry.bankCode ?? ['PMNT', 'ICDT', 'DMCT'];
  return tag(
    'Ntry',
    ...[optional('NtryRef', entry.reference), moved(entry.amount, currency), side(entry.direction), entry.isReversal && tag('RvslInd', 'true')],
    ...[tag('Sts', tag('Cd', entry.status ?? 'BOOK')), day('BookgDt', entry.bookedOn), day('ValDt', entry.valueOn)],
    optional('AcctSvcrRef', entry.bankReference),
    tag('BkTxCd', tag('Domn', tag('Cd', domain), tag('Fmly', tag('Cd', family), tag('SubFmlyCd', subFamily)))),
    tag('NtryDtls', ...[...(entry.details ?? [])].map((detail) => detailIn(detail, entry.direction, currency))),
  );
}

function detailIn(detail: AnsweredDetail, direction: AnsweredEntry['direction'], currency: string): string {
  const { messageId, bankReference, instructionId, endToEndId, amount, debtor, creditor, remittance, returned } = detail;
  const ids = optional('MsgId', messageId) + optional('AcctSvcrRef', bankReference) + optional('InstrId', instructionId);
  return tag(
    'TxDtls',
    ...[tag('Refs', ids, tag('EndToEndId', id(endToEndId ?? 'NOTPROVIDED'))), moved(amount, currency), side(direction)],
    tag('RltdPties', partyIn('Dbtr', debtor), partyIn('Cdtr', creditor)),
    tag('RmtInf', optional('Ustrd', remittance, 140)),
    returned && tag('RtrInf', tag('Rsn', optional('Cd', returned.code, 4)), optional('AddtlInf', returned.info, 105)),
  );
}

function partyIn(as: 'Dbtr' | 'Cdtr', party: AnsweredDetail['debtor']): string {
  if (!party) return '';
  const { name, bin, iban } = party;
  const who = tag(as, tag('Pty', tag('Nm', written(name, 140, `${as}.name`)), identified(bin, `${as}.bin`)));
  return who + tag(`${as}Acct`, tag('Id', tag('IBAN', formed(iban, IBAN, `${as}.iban`))));
}

function balance(code: string, { amount, on }: StatementAnswer['opening'], currency: string): string {
  const direction = amount < 0n ? 'debit' : 'credit';
  return tag('Bal', tag('Tp', tag('CdOrPrtry', tag('Cd', code))), moved(amount < 0n ? -amount : amount, currency), side(direction), day('Dt', on));
}

const header = ({ messageId, createdAt }: { messageId: string; createdAt: Date }): string =>
  tag('GrpHdr', tag('MsgId', id(messageId)), tag('CreDtTm', isoTime(createdAt)));
const moved = (amount: Minor, currency: string): string => `<Amt Ccy="${currency}">${toDecimal(amount, currency)}</Amt>`;
const side = (direction: AnsweredEntry['direction']): string => tag('CdtDbtInd', direction === 'credit' ? 'CRDT' : 'DBIT');
const day = (name: string, on: string | undefined): string => (on === undefined ? '' : tag(name, tag('Dt', isoDate(on, name))));
const id = (text: string): string => written(text, 35, 'an id');
const optional = (name: string, text: string | undefined, max = 35): string => (text === undefined ? '' : tag(name, written(text, max, name)));
