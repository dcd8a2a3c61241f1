import type { Tx } from './db/db.ts';
import { assert } from './errors.ts';
import type { Ids } from './ids.ts';
import { type Hand, type NewEvent, tell } from './webhooks/events.ts';

/** A subject of a state machine: where it stands, and how many changes led there. */
export interface Subject<State extends string> {
  id: string;
  state: State;
  seq: number;
  /** of its last change */
  updatedAt: Date;
}

/** A state machine is a table. What is not in it cannot happen. */
export interface Machine<Row extends Subject<State>, State extends string, Move extends string> {
  moves: Record<State, Partial<Record<Move, State>>>;
  /** Sets the times that go with the state that a row now has. */
  stamp(row: Row, at: Date): Row;
  /** Writes rows in their new state, each only if it still stands where it stood: state and seq of `from`. Returns how many. */
  store(tx: Tx, changes: { from: Row; to: Row }[], at: Date): Promise<number>;
  /** The name and body of the event that tells of a change. */
  event(tx: Tx, row: Row, at: Date): { type: string; body: string };
}

export interface Change<Row, Move> {
  row: Row;
  move: Move;
  cause: string;
  /** what else changes with it */
  patch?: Partial<Row>;
}

/**
 * Moves subjects, which the caller has locked: state, history, event and deliveries together or not at all.
 * @returns the subjects as they are now, in the same order
 * @throws {AssertionError} when a move is not in the table, or a subject no longer stands where it did
 */
export async function advance<Row extends Subject<State>, State extends string, Move extends string>(
  tx: Tx,
  machine: Machine<Row, State, Move>,
  changes: Change<Row, Move>[],
  now: Date,
  ids: Ids,
  hand?: Hand,
): Promise<Row[]> {
  if (changes.length === 0) return [];
  // The clocks of two processes differ; the history of an object does not go back for it.
  const at = changes.reduce((latest, { row }) => (row.updatedAt > latest ? row.updatedAt : latest), now);
  const moved = changes.map(({ row, move, patch }) => {
    const state = machine.moves[row.state][move];
    assert(state, `${row.state} has the move ${move}`);
    return { from: row, to: machine.stamp({ ...row, ...patch, state, seq: row.seq + 1 }, at) };
  });
  const stored = machine.store(tx, moved, at);
  const told = tell(
    tx,
    moved.map(({ from, to }, i) => eventOf(tx, machine, from.state, to, (changes[i] as Change<Row, Move>).cause, at, ids)),
    at,
    hand,
  );
  const [count] = await Promise.all([stored, told]);
  assert(count === moved.length, 'every subject stood where it was expected');
  return moved.map(({ to }) => to);
}

/** The event of a change that `advance` does not make itself: an object's first state, written by its room. */
export function eventOf<Row extends Subject<string>>(
  tx: Tx,
  machine: { event(tx: Tx, row: Row, at: Date): { type: string; body: string } },
  from: string | null,
  to: Row,
  cause: string,
  at: Date,
  ids: Ids,
): NewEvent {
  return { id: ids.uuid(), objectId: to.id, objectSeq: to.seq, fromState: from, toState: to.state, cause, ...machine.event(tx, to, at) };
}
