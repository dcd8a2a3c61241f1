import type { Minor } from '../money.ts';

/**
 * The contract between the house and a processor. Words only: a connector knows no database and no room. A processor's
 * answer is a value that the compiler makes the caller handle; an adapter throws for its own bugs alone.
 */
export interface Connector {
  readonly name: string;
  /** What the processor promises of its memory and its time; as last heard from it, or what the adapter's maker knows. */
  limits(): ProcessorLimits;
  /**
   * Asks for the limits where the processor has not said them yet. Nothing is taken to be sent before: who believes in less
   * than a processor remembers calls a person without need, and who believes in more pays twice.
   * @returns undefined when they are known; otherwise why not
   */
  acquaint?(): Promise<Unknown | Unsent | undefined>;
  /**
   * Asks for a transfer, once. The same reference with the same content is the same transfer, within the processor's
   * retention. A time-out, a broken connection or an answer that cannot be read is `unknown`: nobody may guess.
   */
  send(transfer: Transfer): Promise<SendOutcome>;
  /** Asks what became of a reference. */
  inquire(reference: string): Promise<InquiryOutcome>;
  /**
   * Fences a reference: after `cancelled`, a later send of it is declined and nothing of it is executed. What was final before
   * stays, and is the answer: executed, declined, or executed and returned.
   */
  cancel(reference: string): Promise<CancelOutcome>;
}

export interface ProcessorLimits {
  /** for so long the processor knows a reference again; a later send might pay twice */
  retentionSeconds: number;
  /** a reference that is not known so long after it was sent never arrived */
  maxInFlightSeconds: number;
  /** it tells by itself (a bank's files), and nobody can be asked */
  tellsByItself?: boolean;
}

export type Transfer = CardTransfer | BankTransfer;

interface Order {
  reference: string;
  amount: Minor;
  currency: string;
  description: string;
}
export interface CardTransfer extends Order {
  kind: 'card';
  destination: Card;
}
export interface BankTransfer extends Order {
  kind: 'bank';
  destination: BankAccount;
}

/** Where the money of a transfer goes. */
export type Destination = Pick<CardTransfer, 'kind' | 'destination'> | Pick<BankTransfer, 'kind' | 'destination'>;

/** An account at a bank of Kazakhstan, with what its payment orders say of the recipient. */
export interface BankAccount {
  iban: string;
  bic: string;
  name: string;
  /** business or personal number, 12 digits */
  bin: string;
  /** residency and sector of the recipient, two digits */
  kbe: string;
  /** purpose code, three digits */
  knp: string;
  /** what the payment is for, in words */
  purpose: string;
}

/** A card in the open. Exists only between the vault and the wire. */
export interface Card {
  pan: string;
  expiryMonth: number;
  expiryYear: number;
}

export interface Executed {
  kind: 'executed';
  rrn: string | null;
  executedAt: Date | null;
}
export interface Declined {
  kind: 'declined';
  /** ISO 8583 response code, or the processor's own */
  code: string;
  message: string;
}
/** The processor has it and will say later. */
export interface Pending {
  kind: 'pending';
}
/** Nobody knows. Ask; never send under another reference, never call it failed. */
export interface Unknown {
  kind: 'unknown';
  why: string;
}
/** Proof that nothing left this process: refused, not resolved, or held back by the breaker. */
export interface Unsent {
  kind: 'unsent';
  why: string;
  /** it was not even tried, for a reason of our own: it says nothing about the processor */
  untried?: true;
}
/** The processor knows this reference with other content: a bug on one side, and a person's matter. */
export interface Conflict {
  kind: 'conflict';
  why: string;
}
/** The processor does not know the reference. Proof only after `maxInFlightSeconds`. */
export interface Absent {
  kind: 'absent';
}
export interface Cancelled {
  kind: 'cancelled';
}
/** It was executed, and the money came back. */
export interface Returned {
  kind: 'returned';
  rrn: string | null;
  code: string | null;
}
/** The processor has no such call. */
export interface Unsupported {
  kind: 'unsupported';
}

export type SendOutcome = Executed | Declined | Pending | Unknown | Unsent | Conflict;
export type InquiryOutcome = Executed | Declined | Pending | Unknown | Unsent | Absent | Cancelled | Returned;
export type CancelOutcome = Executed | Declined | Cancelled | Returned | Unknown | Unsent | Unsupported;

/** Everything that may become known of a transfer, from whatever side. */
export type Verdict = SendOutcome | InquiryOutcome | CancelOutcome;
