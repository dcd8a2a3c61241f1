import type { Minor } from '../../money.ts';
import { BankFileError } from './bank-file-error.ts';
import { all, child, codeAt, dayAt, type Money, moneyAt, neededText, textAt, timeAt, type XmlNode } from './node.ts';

export type Direction = 'credit' | 'debit';

export interface Balance {
  /** OPBD opening and CLBD closing booked, ITBD interim booked, CLAV closing available, PRCD closing of the day before … */
  code: string;
  /** minor units; less than zero when the account is overdrawn */
  amount: Minor;
  currency: string;
  /** YYYY-MM-DD */
  on: string;
}

/** A statement (camt.053), a report within the day (052) or a notification (054), without its entries. Times are as the bank wrote them. */
export interface StatementHead {
  id: string;
  /** IBAN, or the bank's number of the account where it has none */
  account: string;
  currency: string | null;
  electronicSequence: string | null;
  createdAt: string | null;
  from: string | null;
  to: string | null;
  /** of a statement in several files; null when the bank says nothing of pages */
  page: { number: number; isLast: boolean } | null;
  /** COPY, DUPL (told again) or CODU; null for the first and only */
  copy: string | null;
  balances: Balance[];
}

export const HEAD_PARTS: ReadonlySet<string> = new Set([
  'Id',
  'ElctrncSeqNb',
  'CreDtTm',
  'FrToDt',
  'CpyDplctInd',
  'Acct',
  'Bal',
  'StmtPgntn',
  'RptPgntn',
  'NtfctnPgntn',
]);

export function headOf(node: XmlNode): StatementHead {
  const account = textAt(node, 'Acct', 'Id', 'IBAN') ?? textAt(node, 'Acct', 'Id', 'Othr', 'Id');
  if (account === null) throw new BankFileError(`${node.name} has no account`, node.line);
  const page = child(node, 'StmtPgntn') ?? child(node, 'RptPgntn') ?? child(node, 'NtfctnPgntn');
  return {
    id: neededText(node, 'Id'),
    account,
    currency: textAt(node, 'Acct', 'Ccy'),
    electronicSequence: textAt(node, 'ElctrncSeqNb'),
    createdAt: timeAt(node, 'CreDtTm'),
    from: timeAt(node, 'FrToDt', 'FrDtTm'),
    to: timeAt(node, 'FrToDt', 'ToDtTm'),
    page: page ? { number: Number(neededText(page, 'PgNb')), isLast: isTrue(page, 'LastPgInd') } : null,
    copy: textAt(node, 'CpyDplctInd'),
    balances: all(node, 'Bal').map(balanceOf),
  };
}

function balanceOf(node: XmlNode): Balance {
  const { amount, currency } = neededMoney(node);
  const [code, on] = [codeAt(node, 'Tp', 'CdOrPrtry'), dayAt(node, 'Dt')];
  if (code === null || on === null) throw new BankFileError('Bal has no type or no date', node.line);
  return { code, amount: directionOf(node) === 'debit' ? -amount : amount, currency, on };
}

/** An entry without its details. */
export interface EntryHead {
  line: number;
  /** NtryRef */
  reference: string | null;
  /** AcctSvcrRef: the bank's own, and the same wherever the bank tells of this entry */
  bankReference: string | null;
  /** of the whole entry */
  amount: Minor;
  currency: string;
  direction: Direction;
  /** BOOK, PDNG, INFO or FUTR; a word of the bank's own is left as it is. Only BOOK has moved anything. */
  status: string;
  /** it takes back an earlier entry; its direction is already the one in which the money goes now */
  isReversal: boolean;
  /** YYYY-MM-DD */
  bookedOn: string | null;
  valueOn: string | null;
  /** domain/family/sub-family, such as PMNT/ICDT/ESCT, or the bank's own */
  bankCode: string | null;
}

export const ENTRY_PARTS: ReadonlySet<string> = new Set([
  ...['NtryRef', 'AcctSvcrRef', 'Amt', 'CdtDbtInd', 'Sts', 'RvslInd', 'BookgDt', 'ValDt', 'BkTxCd', 'AddtlNtryInf'],
]);

export function entryOf(node: XmlNode): EntryHead {
  const status = codeAt(node, 'Sts');
  if (status === null) throw new BankFileError('Ntry has no status', node.line);
  return {
    line: node.line,
    reference: textAt(node, 'NtryRef'),
    bankReference: textAt(node, 'AcctSvcrRef'),
    ...neededMoney(node),
    direction: directionOf(node),
    status,
    isReversal: isTrue(node, 'RvslInd'),
    bookedOn: dayAt(node, 'BookgDt'),
    valueOn: dayAt(node, 'ValDt'),
    bankCode: bankCodeOf(child(node, 'BkTxCd')),
  };
}

export interface Party {
  name: string | null;
  /** IBAN, or the bank's number */
  account: string | null;
  /** BIN or IIN, or another id that the bank gives */
  id: string | null;
  bic: string | null;
}

/** What one transaction says of itself. */
export interface Detail {
  line: number;
  bankReference: string | null;
  messageId: string | null;
  paymentInformationId: string | null;
  instructionId: string | null;
  /** null where the bank writes NOTPROVIDED */
  endToEndId: string | null;
  transactionId: string | null;
  /** what it says that it moved, in the order of how much that says of the account */
  amounts: Money[];
  direction: Direction | null;
  debtor: Party;
  creditor: Party;
  /** lines of unstructured remittance and creditor references, joined with a line feed; '' when there are none */
  remittance: string;
  bankCode: string | null;
  /** money that comes back: why, and the bank transaction code of what it once was; the other references are then of the original payment */
  returned: { code: string | null; info: string[]; originalBankCode: string | null } | null;
  info: string | null;
}

export const NO_PARTY: Party = { name: null, account: null, id: null, bic: null };

export function detailOf(node: XmlNode): Detail {
  const refs = child(node, 'Refs');
  const provided = (name: string) => {
    const id = textAt(refs, name);
    return id === 'NOTPROVIDED' ? null : id;
  };
  return {
    line: node.line,
    bankReference: textAt(refs, 'AcctSvcrRef'),
    messageId: provided('MsgId'),
    paymentInformationId: provided('PmtInfId'),
    instructionId: provided('InstrId'),
    endToEndId: provided('EndToEndId'),
    transactionId: provided('TxId'),
    amounts: [moneyAt(node, 'Amt'), ...['TxAmt', 'InstdAmt', 'CntrValAmt'].map((name) => moneyAt(node, 'AmtDtls', name, 'Amt'))].filter(
      (amount) => amount !== null,
    ),
    direction: child(node, 'CdtDbtInd') ? directionOf(node) : null,
    debtor: partyOf(node, 'Dbtr'),
    creditor: partyOf(node, 'Cdtr'),
    remittance: remittanceOf(child(node, 'RmtInf')),
    bankCode: bankCodeOf(child(node, 'BkTxCd')),
    returned: returnOf(child(node, 'RtrInf')),
    info: textAt(node, 'AddtlTxInf'),
  };
}

/** What the payer wrote, and after it the references that the payer's bank kept apart. */
const remittanceOf = (node: XmlNode | undefined): string =>
  [...all(node, 'Ustrd').map(({ text }) => text), ...all(node, 'Strd').map((one) => textAt(child(one, 'CdtrRefInf'), 'Ref'))].filter(Boolean).join('\n');

/** From version .08 on a party is a choice of a person or firm (Pty) and a bank (Agt). */
function partyOf(node: XmlNode, as: 'Dbtr' | 'Cdtr'): Party {
  const parties = child(node, 'RltdPties');
  const agent = child(node, 'RltdAgts', `${as}Agt`, 'FinInstnId');
  const choice = child(parties, as);
  const bank = child(choice, 'Agt', 'FinInstnId');
  const who = child(choice, 'Pty') ?? bank ?? choice;
  return {
    name: textAt(who, 'Nm'),
    account: textAt(parties, `${as}Acct`, 'Id', 'IBAN') ?? textAt(parties, `${as}Acct`, 'Id', 'Othr', 'Id'),
    id:
      all(child(who, 'Id', 'OrgId') ?? child(who, 'Id', 'PrvtId'), 'Othr')
        .map((other) => textAt(other, 'Id'))
        .find(Boolean) ?? null,
    bic: textAt(agent, 'BICFI') ?? textAt(agent, 'BIC') ?? textAt(bank, 'BICFI') ?? textAt(bank, 'BIC'),
  };
}

const returnOf = (node: XmlNode | undefined): Detail['returned'] =>
  node ? { code: codeAt(node, 'Rsn'), info: all(node, 'AddtlInf').map(({ text }) => text), originalBankCode: bankCodeOf(child(node, 'OrgnlBkTxCd')) } : null;

function bankCodeOf(node: XmlNode | undefined): string | null {
  const domain = child(node, 'Domn');
  if (!domain) return textAt(node, 'Prtry', 'Cd');
  return [textAt(domain, 'Cd'), textAt(domain, 'Fmly', 'Cd'), textAt(domain, 'Fmly', 'SubFmlyCd')].filter(Boolean).join('/');
}

function neededMoney(node: XmlNode): Money {
  const money = moneyAt(node, 'Amt');
  if (!money) throw new BankFileError(`${node.name} has no amount`, node.line);
  return money;
}

function directionOf(node: XmlNode): Direction {
  const said = neededText(node, 'CdtDbtInd');
  if (said !== 'CRDT' && said !== 'DBIT') throw new BankFileError(`${node.name}: CdtDbtInd is neither CRDT nor DBIT`, node.line);
  return said === 'CRDT' ? 'credit' : 'debit';
}

function isTrue(node: XmlNode, name: string): boolean {
  const said = textAt(node, name);
  if (said !== null && !['true', 'false', '1', '0'].includes(said)) throw new BankFileError(`${node.name}: ${name} is neither true nor false`, node.line);
  return said === 'true' || said === '1';
}
