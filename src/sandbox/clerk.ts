/** The side of the sandbox bank that speaks in files: it takes pain.001 from the outbox and answers into the inbox, by the same rules and journal. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type AnsweredEntry, type AnsweredPayment, entryOfPayment, returnOfPayment, writeCamt053, writePain002 } from '../connectors/iso20022/answers.ts';
import { BankFileError } from '../connectors/iso20022/bank-file-error.ts';
import { inAlmaty } from '../connectors/iso20022/calendar.ts';
import type { CreditTransfer } from '../connectors/iso20022/pain001.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { Bank } from './bank.ts';
import { readPain001, type TakenFile } from './pain001-reader.ts';
import { type Incoming, MalformedRequest, parseTransfer } from './request.ts';

export interface ClerkOptions {
  /** a bank of its own, which calls nobody back: what it does is told in files */
  bank: Bank;
  /** BANK_DIR: the folder that is shared with the product */
  folder: string;
  /** where it keeps the files that it took */
  dataDir: string;
  clock: Clock;
  log: Pick<Log, 'info' | 'warn'>;
}

/** A payment that something more may be heard of. */
interface Open {
  payment: CreditTransfer;
  file: TakenFile;
  told: 'nothing' | 'executed';
}

const LOOK_MS = 500;
/** Of everybody who sends money here. @source the example of the IBAN registry for Kazakhstan */
const PAYER_IBAN = 'KZ86125KZT5004100100';
/** The reasons of ISO 20022 for the codes that cards are declined with. @source ISO 20022 external code set, by meaning */
const REASONS: Record<string, string> = {
  '14': 'AC01',
  '51': 'AM04',
  '54': 'AC04',
  '57': 'AG01',
  '61': 'AM02',
  '13': 'AM01',
  '78': 'AC06',
  '91': 'MS03',
  '96': 'MS03',
};

export class Clerk {
  private readonly o: ClerkOptions;
  private readonly waiting = new Map<string, Open>();
  private statements = 0;

  constructor(options: ClerkOptions) {
    this.o = options;
  }

  /** Takes up what was left when it stopped, then looks until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, folder, dataDir } = this.o;
    for (const path of [join(folder, 'outbox'), join(folder, 'inbox'), dataDir]) await mkdir(path, { recursive: true });
    for (const name of await xmlIn(dataDir))
      await this.take(join(dataDir, name)).catch((error: unknown) => log.warn({ event: 'clerk.failed', error }, 'a file that was taken cannot be read'));
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => log.warn({ event: 'clerk.failed', error }, 'the clerk will look again'));
      await clock.sleep(LOOK_MS, signal);
    }
  }

  /** One look: new files are taken and answered, and what has happened since is told in a statement. */
  async look(): Promise<void> {
    const { folder, dataDir, log } = this.o;
    for (const name of await xmlIn(join(folder, 'outbox'))) {
      await rename(join(folder, 'outbox', name), join(dataDir, name));
      await this.take(join(dataDir, name)).catch((error: unknown) => {
        if (!(error instanceof BankFileError)) throw error;
        log.warn({ event: 'clerk.refused', action: `${name}: ${error.message}` }, 'a file of payments cannot be read');
      });
    }
    await this.tell();
  }

  /** Somebody sends money to an account here: the statement tells of it. */
  async receive({ iban, amount, currency, purpose, payer }: Incoming): Promise<void> {
    await mkdir(join(this.o.folder, 'inbox'), { recursive: true });
    const on = inAlmaty(this.o.clock.wall()).day;
    const bankReference = `IN${this.o.clock.wall().getTime()}-${++this.statements}`;
    const details = [{ amount, bankReference, endToEndId: 'NOTPROVIDED', remittance: purpose, debtor: { ...payer, iban: PAYER_IBAN } }];
    const entry: AnsweredEntry = { amount, direction: 'credit', bankReference, bookedOn: on, valueOn: on, bankCode: ['PMNT', 'RCDT', 'DMCT'], details };
    await this.put(`statement-${this.o.clock.wall().getTime()}-${this.statements}.xml`, this.statement(iban, [entry], currency));
  }

  private async take(path: string): Promise<void> {
    const file = await readPain001(createReadStream(path));
    const payments: AnsweredPayment[] = [];
    for (const payment of file.payments) payments.push(await this.pay(payment, file));
    const refused = payments.filter(({ status }) => status === 'RJCT');
    const status = refused.length === 0 ? 'ACSP' : refused.length === payments.length ? 'RJCT' : 'PART';
    const answer = writePain002({
      ...{ messageId: `${file.messageId.slice(0, 33)}-S`, createdAt: this.o.clock.wall(), version: '10', status },
      original: { messageId: file.messageId, message: 'pain.001.001.09' },
      batches: [{ paymentInformationId: file.messageId, payments: refused }],
    });
    await this.put(`${file.messageId}-status.xml`, answer);
  }

  private async pay(payment: CreditTransfer, file: TakenFile): Promise<AnsweredPayment> {
    const { endToEndId, amount, currency, creditor, kbe, knp, purpose } = payment;
    const refusal = (code: string, info: string): AnsweredPayment => ({ endToEndId, status: 'RJCT', reason: { code, info: info.slice(0, 105) } });
    try {
      const request = parseTransfer({
        ref: endToEndId,
        kind: 'bank',
        amount: Number(amount),
        currency,
        destination: { ...creditor, kbe, knp, purpose },
        description: purpose,
      });
      const said = JSON.parse((await this.o.bank.transfer(request)).body || '{}') as { status?: string; code?: string; message?: string };
      if (said.status === 'declined') return refusal(REASONS[said.code ?? ''] ?? 'MS03', said.message ?? 'declined');
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error;
      return refusal('FF01', error.message);
    }
    this.waiting.set(endToEndId, { payment, file, told: 'nothing' });
    return { endToEndId, status: 'ACSP' };
  }

  /** A statement of what was executed or came back since the last look, and refusals that came late. */
  private async tell(): Promise<void> {
    const entries = new Map<string, AnsweredEntry[]>();
    for (const [ref, one] of this.waiting) {
      const said = JSON.parse((await this.o.bank.inquire(ref)).body || '{}') as { status?: string; rrn?: string; code?: string; executedAt?: string };
      const on = inAlmaty(said.executedAt ? new Date(said.executedAt) : this.o.clock.wall()).day;
      const add = (entry: AnsweredEntry) => entries.set(one.file.debtor, [...(entries.get(one.file.debtor) ?? []), entry]);
      const bankReference = said.rrn ?? ref;
      if ((said.status === 'executed' || said.status === 'returned') && one.told === 'nothing') {
        add(entryOfPayment(one.payment, { bankReference, on, messageId: one.file.messageId }));
        one.told = 'executed';
      }
      if (said.status === 'returned') {
        add(returnOfPayment(one.payment, { bankReference: `${bankReference}R`, on, reason: { code: REASONS[said.code ?? ''] ?? 'AC04' } }));
        this.waiting.delete(ref);
      }
      if (said.status === 'declined' || said.status === 'cancelled') {
        this.waiting.delete(ref);
        await this.refuseLate(one, said.code ?? '');
      }
    }
    for (const [iban, own] of entries) await this.put(`statement-${this.o.clock.wall().getTime()}-${++this.statements}.xml`, this.statement(iban, own));
  }

  private async refuseLate({ payment: { endToEndId }, file: { messageId } }: Open, code: string): Promise<void> {
    const answer = writePain002({
      ...{ messageId: `L${endToEndId.slice(-30)}`, createdAt: this.o.clock.wall(), version: '10', status: 'PART' },
      original: { messageId, message: 'pain.001.001.09' },
      batches: [{ paymentInformationId: messageId, payments: [{ endToEndId, status: 'RJCT', reason: { code: REASONS[code] ?? 'MS03' } }] }],
    });
    await this.put(`${endToEndId}-late.xml`, answer);
  }

  private statement(iban: string, entries: AnsweredEntry[], currency = 'KZT'): string {
    const createdAt = this.o.clock.wall();
    const on = inAlmaty(createdAt).day;
    const moved = entries.reduce((sum, { amount, direction }) => sum + (direction === 'credit' ? amount : -amount), 0n);
    const id = `ST${createdAt.getTime()}-${this.statements}`;
    return writeCamt053({ messageId: id, id, createdAt, iban, currency, entries, opening: { amount: 0n, on }, closing: { amount: moved, on } });
  }

  /** Whole or not at all: under a name that nobody reads, then under its own. */
  private async put(name: string, text: string): Promise<void> {
    const [draft, final] = [join(this.o.folder, 'inbox', `.${name}`), join(this.o.folder, 'inbox', name)];
    const file = await open(draft, 'w', 0o640);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(draft, final);
  }
}

const xmlIn = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => /^[^.].*\.xml$/.test(name)).toSorted();
