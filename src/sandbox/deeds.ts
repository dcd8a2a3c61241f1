/** What the bank undertook under a ref: a transfer, an authorization, or an operation on one. */
import type { OperationKind } from './authorization-request.ts';
import { operationCodes } from './codes.ts';
import type { MaskedDestination, MaskedInstrument } from './fingerprint.ts';
import type { Script, Status } from './script.ts';

interface Undertaken {
  /** number of the entry that took it; names it among all, also those of the same ref before retention ended */
  request: number;
  ref: string;
  takenAt: number;
  amount: string;
  content: string;
  scenario: string;
  script: Script;
  /** of an authorization: what was decided of it; `statusOf` says how it stands */
  status: Status;
  code?: string;
  rrn?: string;
  /** POSTs, inquiries and cancels so far: a fault counts them */
  posts: number;
  inquiries: number;
  cancels: number;
  callbacks: Map<string, { attempts: number; done: boolean }> | undefined;
}

export interface Transfer extends Undertaken {
  room: 'transfers';
  currency: string;
  destination: MaskedDestination;
  executedAt?: string;
  returnedAt?: string;
}

export interface Authorization extends Undertaken {
  room: 'authorizations';
  currency: string;
  instrument: MaskedInstrument;
  authCode?: string;
  /** The bank has let go of what was left. */
  expired: boolean;
  operations: Operation[];
}

export interface Operation extends Undertaken {
  room: 'operations';
  kind: OperationKind;
  /** the authorization's ref */
  authorization: string;
  /** nothing where the bank knew no such authorization */
  of: Authorization | undefined;
  executedAt?: string;
}

export type Deed = Transfer | Authorization | Operation;
export type Room = Deed['room'];

/** @param pending counts what is on its way, which must find its place when it comes */
function sumOf({ operations }: Authorization, kind: OperationKind, pending: 'with pending' | 'executed'): bigint {
  const counted = operations.filter((one) => one.kind === kind && (one.status === 'executed' || (one.status === 'pending' && pending === 'with pending')));
  return counted.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
}

/** What may still be captured or cancelled, in minor units; once expired, nothing of it. */
export const restOf = (a: Authorization): bigint => BigInt(a.amount) - sumOf(a, 'capture', 'with pending') - sumOf(a, 'cancellation', 'with pending');

const refundableOf = (a: Authorization): bigint => sumOf(a, 'capture', 'executed') - sumOf(a, 'refund', 'with pending');

/** How a deed stands. An authorization of which nothing was taken and nothing is held any more is cancelled. */
export function statusOf(deed: Deed): Status {
  if (deed.room !== 'authorizations' || deed.status !== 'authorized') return deed.status;
  if (sumOf(deed, 'capture', 'with pending') > 0n) return 'authorized';
  const released = sumOf(deed, 'cancellation', 'executed');
  return deed.expired || (released > 0n && released === BigInt(deed.amount)) ? 'cancelled' : 'authorized';
}

/** `void`: nobody has granted the authorization yet, so a cancellation is a fence. */
export type Decision = 'operate' | 'void' | { refused: string };

/**
 * Whether an operation may be. What is pending counts as if it were executed, so that it always can be.
 * @param isFenced the bank does not know the authorization, and will decline it when it comes
 */
export function decide(a: Authorization | undefined, isFenced: boolean, kind: OperationKind, amount: bigint): Decision {
  const { state, rest, unknown, expired } = operationCodes;
  if (!a) return kind !== 'cancellation' ? { refused: unknown } : isFenced ? { refused: state } : 'void';
  if (a.status === 'pending' && kind === 'cancellation') return amount === BigInt(a.amount) ? 'void' : { refused: state };
  if (a.status !== 'authorized') return { refused: state };
  if (kind === 'refund') {
    if (sumOf(a, 'capture', 'executed') === 0n) return { refused: state };
    return amount > refundableOf(a) ? { refused: rest } : 'operate';
  }
  if (a.expired) return { refused: expired };
  return amount > restOf(a) ? { refused: rest } : 'operate';
}
