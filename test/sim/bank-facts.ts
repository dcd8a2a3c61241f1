import type { Entry, MemoryJournal } from '../../src/sandbox/journal.ts';
import { parseLine } from '../../src/sandbox/journal.ts';

type Of<T extends Entry['type']> = Extract<Entry, { type: T }>;

/** What the bank's journal says of one reference. */
export interface Facts {
  ref: string;
  requested: Of<'requested'>[];
  executed: Of<'executed'>[];
  declined: Of<'declined'>[];
  returned: Of<'returned'>[];
  cancelled: Of<'cancelled'>[];
  conflicts: number;
  /** callbacks by their name: what each said, whether it was a lie, and whether the platform took it */
  callbacks: Map<string, { says: string; isLie: boolean; isTaken: boolean }>;
}

/** The bank's journal by reference, read once and further as it grows. */
export class BankFacts {
  readonly byRef = new Map<string, Facts>();
  private read = 0;
  private readonly journal: MemoryJournal;

  constructor(journal: MemoryJournal) {
    this.journal = journal;
  }

  /** Reads what has been written since. */
  update(): Map<string, Facts> {
    for (; this.read < this.journal.lines.length; this.read++) this.take(parseLine(this.journal.lines[this.read] as string, this.read + 1));
    return this.byRef;
  }

  private take(entry: Entry): void {
    if (entry.type === 'opened' || entry.type === 'malformed') return;
    const facts = this.of(entry.ref);
    switch (entry.type) {
      case 'requested':
        return void facts.requested.push(entry);
      case 'executed':
        return void facts.executed.push(entry);
      case 'declined':
        return void facts.declined.push(entry);
      case 'returned':
        return void facts.returned.push(entry);
      case 'cancelled':
        return void facts.cancelled.push(entry);
      case 'conflicted':
        facts.conflicts++;
        return;
      case 'callback_sent':
        if (!facts.callbacks.has(entry.callback)) facts.callbacks.set(entry.callback, { says: entry.says, isLie: entry.lie === true, isTaken: false });
        return;
      case 'callback_answered': {
        const callback = facts.callbacks.get(entry.callback);
        if (callback && entry.status >= 200 && entry.status < 300) callback.isTaken = true;
      }
    }
  }

  private of(ref: string): Facts {
    let facts = this.byRef.get(ref);
    if (!facts)
      this.byRef.set(ref, (facts = { ref, requested: [], executed: [], declined: [], returned: [], cancelled: [], conflicts: 0, callbacks: new Map() }));
    return facts;
  }
}
