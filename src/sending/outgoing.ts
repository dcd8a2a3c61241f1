import type { Destination } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import type { Ids } from '../ids.ts';
import type { Machine, Subject } from '../machine.ts';
import type { Minor } from '../money.ts';
import type { NewEvent } from '../webhooks/events.ts';

export type OutgoingState = 'new' | 'processing' | 'settled' | 'rejected' | 'failed';
export type OutgoingMove = 'send' | 'settle' | 'reject' | 'fail';

export const isFinal = (state: OutgoingState): boolean => state !== 'new' && state !== 'processing';

/** What money that leaves may become. A return by the bank is an object of its own, never a change of this one. */
export const outgoingMoves: Record<OutgoingState, Partial<Record<OutgoingMove, OutgoingState>>> = {
  new: { send: 'processing', reject: 'rejected' },
  processing: { settle: 'settled', reject: 'rejected', fail: 'failed' },
  settled: {},
  rejected: {},
  failed: {},
};

/** Money that leaves, whatever room it belongs to: a payout to a card, a distribution to a bank account. Amounts in minor units. */
export interface Outgoing extends Subject<OutgoingState> {
  amount: Minor;
  fee: Minor;
  currency: string;
  description: string | null;
  retrievalReferenceNumber: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Date;
  finalAt: Date | null;
}

export type Standing = Pick<Outgoing, 'id' | 'state' | 'amount' | 'currency'>;

/** Uses a destination that is in the open only as long as this runs. */
export type OpenDestination = <T>(use: (destination: Destination) => Promise<T>) => Promise<T>;

/** Money that the bank gave back after it had paid. */
export interface Return<Row extends Outgoing = Outgoing> {
  id: string;
  payout: Row;
  connector: string;
  code: string | null;
}

/** What a room says of its money on the way out, so that it can be sent, asked about and closed as all other is. */
export interface OutgoingKind<Row extends Outgoing = Outgoing> {
  machine: Machine<Row, OutgoingState, OutgoingMove>;
  /** The account that the money was taken from, and is given back to. */
  source(row: Row): string;
  /** Those of these ids that are of this kind, locked: whoever changes one, or what was submitted for it, holds its row first. */
  lock(tx: Tx, ids: string[]): Promise<Row[]>;
  /** As they are now, not locked. */
  byId(tx: Tx, ids: string[]): Promise<Row[]>;
  /** As much of that as tells whether a movement of the bank is theirs: asked for by the hundred thousand. */
  standing(tx: Tx, ids: string[]): Promise<Standing[]>;
  /** Those that nobody else holds at this moment. */
  tryLock(tx: Tx, ids: string[]): Promise<Row[]>;
  /** Where the money goes, for as many as can be opened. With no transaction open. */
  destinations(merchantId: string, rows: Row[]): Promise<Map<string, OpenDestination>>;
  /** What else changes in the room when its money comes back before it was paid. */
  released(tx: Tx, rows: Row[]): Promise<void>;
  /** Which of these have come back already. */
  returned(tx: Tx, ids: string[]): Promise<string[]>;
  insertReturns(tx: Tx, returns: Return<Row>[], at: Date): Promise<void>;
  returnEvent(tx: Tx, one: Return<Row>, at: Date, ids: Ids): NewEvent;
}

/** What is of several kinds, kind by kind. */
export function byKind<T extends { kind: OutgoingKind }>(all: T[]): [OutgoingKind, T[]][] {
  const kinds = new Map<OutgoingKind, T[]>();
  for (const one of all) (kinds.get(one.kind) ?? kinds.set(one.kind, []).get(one.kind))?.push(one);
  return [...kinds];
}
