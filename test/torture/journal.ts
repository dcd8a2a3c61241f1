/** journal.ts: what the harness has seen, on disk and not in the memory of a program that may be wrong: one JSON line an entry. */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { fdatasync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);

/** A client is about to ask. Written and synced before the first byte leaves. */
export interface Intent {
  kind: 'intent';
  /** names the request among all of the run */
  id: string;
  at: number;
  action: Action;
  merchant: string;
  path: string;
  key: string;
  /** the merchant's reference of the payout: each body has one of its own */
  reference: string;
  body: string;
}
export type Action = 'payout' | 'twin' | 'replay' | 'retry' | 'conflict' | 'bad' | 'topup' | 'resolve' | 'proof';

/** What came back: a whole answer. */
export interface Answered {
  kind: 'answer';
  id: string;
  at: number;
  status: number;
  body: string;
  replayed: boolean;
}
/** No answer, or one that says that nobody knows: the request may have had its effect or not. */
export interface Lost {
  kind: 'lost';
  id: string;
  at: number;
  why: string;
}
/** What a receiver of webhooks heard. */
export interface Receipt {
  kind: 'receipt';
  at: number;
  endpoint: string;
  id: string;
  /** why the signature is not good, if it is not */
  fault: string | null;
  /** what the receiver answered; 0: it hung up */
  answered: number;
  body: string;
}
export interface Fault {
  kind: 'fault';
  at: number;
  what: string;
  detail: string;
}
export type Entry = Intent | Answered | Lost | Receipt | Fault;

/** One file; who waits for `durable` waits for one sync that many share. */
export class Journal {
  private readonly fd: number;
  private syncing: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(file: string) {
    this.fd = openSync(file, 'a', 0o600);
  }

  write(entry: Entry): void {
    writeSync(this.fd, `${JSON.stringify(entry)}\n`);
  }

  /** Writes, and resolves when it is on disk. */
  async durable(entry: Entry): Promise<void> {
    this.write(entry);
    this.next ??= (this.syncing ?? Promise.resolve()).then(() => {
      this.syncing = this.next;
      this.next = undefined;
      return sync(this.fd);
    });
    await this.next;
  }

  async close(): Promise<void> {
    await (this.next ?? this.syncing);
    closeSync(this.fd);
  }
}

/** Reads the files of a folder whose names begin so, in the order of their names. */
export function* readJournals(directory: string, prefix: string): Generator<Entry> {
  for (const name of readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .sort()) {
    for (const line of readFileSync(join(directory, name), 'utf8').split('\n')) if (line) yield JSON.parse(line) as Entry;
  }
}
