import type { BankCalendar } from '../connectors/iso20022/calendar.ts';
import { kazakhCalendar } from '../connectors/iso20022/calendar.ts';
import type { AccountHolder } from '../connectors/iso20022/pain001.ts';
import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { OutgoingKind } from '../sending/outgoing.ts';
import type { Sending } from '../sending/sending.ts';
import type { Way } from '../sending/submission.ts';
import { BANK_FILES, Batcher } from './batcher.ts';
import { BankFolder } from './folder.ts';
import { Inbox } from './inbox.ts';
import { Owners } from './owners.ts';
import { Statements } from './statements.ts';
import { Statuses } from './statuses.ts';

/** The operator's bank, as far as it speaks in files. */
export interface BankSettings {
  /** where outbox and inbox are */
  folder: string;
  /** the operator's own account */
  account: AccountHolder;
  /** how long payments gather before they leave together */
  batchSeconds: number;
  /** HH:MM in Almaty */
  cutOff: string;
  version: '03' | '09';
}

/** Nothing is sent twice by itself, and nobody can be asked: the bank tells in files, when it does. */
export const fileLimits: Record<string, ProcessorLimits> = { [BANK_FILES]: { retentionSeconds: 86_400, maxInFlightSeconds: 86_400, tellsByItself: true } };

export const byFile = ({ batchSeconds }: BankSettings): Way => ({ connector: BANK_FILES, action: 'batch', waitMs: batchSeconds * 1000 });

export interface BankFilesOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  log: Log;
  settings: BankSettings;
  kind: OutgoingKind;
  sending: Sending;
}

const LOOK_MS = 2_000;

/** Files to the bank and files from it. */
export class BankFiles {
  readonly batcher: Batcher;
  readonly inbox: Inbox;
  private readonly o: BankFilesOptions;
  private calendar: Promise<BankCalendar> | undefined;

  constructor(o: BankFilesOptions) {
    this.o = o;
    const { db, kind, sending, settings } = o;
    const folder = new BankFolder(settings.folder);
    const owners = new Owners(db);
    this.batcher = new Batcher({
      ...{ ...o, folder, debtor: settings.account, cutOff: settings.cutOff, version: settings.version },
      calendar: () => (this.calendar ??= kazakhCalendar()),
      telling: () => sending.telling,
    });
    this.inbox = new Inbox({
      ...{ ...o, folder, account: settings.account.iban },
      statements: new Statements({ ...{ db, kind, owners }, clock: o.clock, outcomes: sending.outcomes }),
      statuses: new Statuses({ db, owners, outcomes: sending.outcomes }),
    });
  }

  /** Reads the inbox until it is told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.o;
    await this.batcher.open();
    while (!signal.aborted) {
      await this.inbox
        .look()
        .catch((error: unknown) => log.warn({ event: 'bank_files.failed', error }, 'the inbox of the bank could not be read; it will be tried again'));
      await clock.sleep(LOOK_MS, signal);
    }
  }
}
