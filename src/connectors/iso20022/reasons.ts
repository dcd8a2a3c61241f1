/**
 * Whom a reason concerns, and so who can do something about it. `recipient`: the details of who is paid; they are to be
 * corrected before anybody tries again. `sender`: our account, funds or mandate. `technical`: file, format or system; the same
 * payment may go well another time. `compliance`: law and the bank's rules. `other`: all else, such as a customer's own wish.
 */
export type Concern = 'recipient' | 'sender' | 'technical' | 'compliance' | 'other';

export interface Reason {
  text: string;
  concerns: Concern;
}

const REASONS = new Map<string, Reason>();
const list = (concerns: Concern, reasons: Record<string, string>) => Object.entries(reasons).forEach(([code, text]) => REASONS.set(code, { text, concerns }));

// Of a credit transfer that we send. AC04, AC06 and AG01 do not say whose account they mean; ours have codes of their own (AC02, AC05, AC13).
list('recipient', {
  AC01: 'the account number is wrong',
  AC03: 'the recipient’s account number is not valid',
  AC04: 'the account is closed',
  AC06: 'the account is blocked',
  AC07: 'the recipient’s account is closed',
  AC14: 'the recipient’s account is of a kind that cannot receive this',
  AG01: 'this kind of transaction is not allowed on the account',
  AGNT: 'a bank on the way is named wrongly',
  BE01: 'the name does not go with the account',
  BE04: 'the recipient’s address is missing or wrong',
  BE06: 'the bank does not know this customer',
  BE22: 'the recipient’s name is missing',
  CNOR: 'the recipient’s bank does not take part in this system',
  MD07: 'the customer has died',
  RC01: 'the identifier of a bank is wrong',
  RC04: 'the identifier of the recipient’s bank is wrong',
  RC07: 'the BIC of the recipient’s bank is wrong',
  RR03: 'the recipient’s name or address is missing',
});
list('sender', {
  AC02: 'the paying account’s number is not valid',
  AC05: 'the paying account is closed',
  AC13: 'the paying account is of a kind that cannot be used for this',
  AM04: 'the account has too little money',
  AM07: 'the money on the account is blocked',
  AM14: 'the amount is more than was agreed with the bank',
  AM21: 'the amount is over a limit',
  BE05: 'the bank does not know who sent the order',
  BE07: 'the address of who pays is missing',
  BE08: 'the name of who pays is missing',
  DNOR: 'the paying bank does not take part in this system',
  DS02: 'somebody entitled has cancelled the order',
  DS0H: 'who signed may not sign for this account',
  MD01: 'there is no mandate for this',
  RC03: 'the identifier of the paying bank is wrong',
  RR01: 'the account or identification of who pays is missing',
  RR02: 'the name or address of who pays is missing',
});
list('technical', {
  AB05: 'the recipient’s bank did not answer in time',
  AB06: 'a bank on the way did not answer in time',
  AB07: 'a bank on the way is not reachable',
  AB08: 'the recipient’s bank is not reachable',
  AG02: 'the bank operation code is wrong',
  AG03: 'this kind of transaction is not supported',
  AM01: 'the amount is zero',
  AM02: 'the amount is more than may be sent',
  AM03: 'the currency cannot be processed',
  AM05: 'the bank has had this before',
  AM06: 'the amount is less than may be sent',
  AM09: 'the amount is not the one that was agreed or expected',
  AM10: 'the sum of the payments is not the control sum',
  AM12: 'the amount is missing or is none',
  AM18: 'the number of payments is not the one that was said',
  AM23: 'the amount is over what can be settled',
  CH03: 'the day of execution is too far ahead',
  CH04: 'the day of execution is too long ago',
  CH16: 'the content of a field is not of its form',
  CH17: 'a field is not allowed there',
  CURR: 'the currency of the payment is wrong',
  DS04: 'the bank refused the order for what is in it',
  DT01: 'a date is wrong',
  DT06: 'the bank has moved the day of execution',
  DU01: 'the message’s id was used before',
  DU02: 'the payment information’s id was used before',
  DU03: 'the transaction was sent before',
  DU04: 'the EndToEndId was used before',
  DUPL: 'the payment is a duplicate of another',
  ED05: 'the settlement failed',
  FF01: 'the file is not of the right format',
  FF05: 'the local instrument is missing or wrong',
  FF07: 'the purpose code is missing or wrong',
  RC11: 'an intermediary bank is named wrongly',
  RF01: 'the transaction’s reference is not unique',
  TECH: 'something technical went wrong',
  TM01: 'it came after the cut-off',
});
list('compliance', {
  FR01: 'it is suspected to be fraud',
  FRAD: 'the payment is said to be of fraudulent origin',
  LEGL: 'the law or a court stands against it',
  RR04: 'a rule of the regulator stands against it',
  RR05: 'the information for the regulator is missing or wrong',
  RR12: 'an identification that this country wants is missing or wrong',
});
list('other', {
  CUST: 'a customer asked for it',
  CUTA: 'the payment could not be applied and is given back',
  FOCR: 'it was asked back and comes back',
  MS02: 'the customer gave no reason',
  MS03: 'the bank gave no reason',
  NARR: 'the reason is in the words beside it',
  NOAS: 'the customer did not answer',
  SL01: 'a service that the paying bank has agreed with its customer stands against it',
  SVNR: 'the service was not rendered',
  UPAY: 'the payment was not due',
});

/**
 * A reason of the external code sets (status, return, cancellation) in words, each one short clause.
 * @returns undefined for a code that is not among the usual ones; the bank's own words are then all there is
 * @source ISO 20022 external code sets, in our own words
 */
export const reasonOf = (code: string): Reason | undefined => REASONS.get(code);

/** All codes that have words, for a page that explains them. */
export const reasonCodes = (): string[] => [...REASONS.keys()];
