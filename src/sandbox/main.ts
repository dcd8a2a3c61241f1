/** The sandbox bank as a process: journal and key in a directory, the desk on a port, callbacks to the product. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import type { Clock, Net, Random } from '../ports.ts';
import { Bank, BankStopped, type BankParts } from './bank.ts';
import { secretBytes, signedCallbacks } from './courier.ts';
import { Clerk } from './clerk.ts';
import { Desk } from './desk.ts';
import { loadKey } from './fingerprint.ts';
import { FileJournal } from './journal-file.ts';
import type { Incoming } from './request.ts';
import { BankServer } from './server.ts';

export interface BankOptions extends Pick<
  BankParts,
  'dial' | 'pace' | 'retentionSeconds' | 'maxInFlightSeconds' | 'callbackAttempts' | 'callbackAlways' | 'authorizationSeconds'
> {
  /** 0 for any that is free */
  port: number;
  host: string;
  /** Gets `journal.ndjson` and `journal.key`. One bank at a time: a second one makes the first stop. */
  dataDir: string;
  /** PROCESSOR_SECRET: the Bearer of calls, and the key of callbacks. */
  secret: string;
  /** PUBLIC_URL/callbacks/processor; without it nobody is called back. */
  callbackUrl?: string;
  clock: Clock;
  random: Random;
  /** BANK_DIR: files of payments are taken from its outbox and answered into its inbox. Without it the bank speaks HTTP alone. */
  files?: string;
  /** It must let callbacks go to loopback. */
  net: Net;
  log: Log;
}

export interface RunningBank {
  url: string;
  /** Answers what it has taken, then closes the journal. */
  stop(): Promise<void>;
  /** Resolves if the journal fails: the bank answers nobody any more, and its process should end. */
  failed: Promise<Error>;
}

/** @throws when the secret is none, the port is taken, or the journal is damaged */
export async function runBank(options: BankOptions): Promise<RunningBank> {
  const { host, port, dataDir, secret, callbackUrl: url, clock, random, net, log } = options;
  const { pace = 1, retentionSeconds = 24 * 3600, maxInFlightSeconds = 60 } = options;
  const promises = { pace, retentionSeconds, maxInFlightSeconds };
  secretBytes(secret);
  let tellFailed!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => (tellFailed = resolve));
  let opened!: (desk: Desk) => void;
  let keptShut!: (error: Error) => void;
  const desk = new Promise<Desk>((resolve, reject) => ([opened, keptShut] = [resolve, reject]));
  desk.catch(() => {}); // told below, also when no request waits

  // The port comes first: a bank that cannot have it must not touch the journal of the one that has.
  const onError = (error: Error) => log.error({ event: 'bank.error', error }, 'the sandbox bank made a mistake, answered 500');
  let journal: FileJournal | undefined;
  const server = await BankServer.listen({ host, port, desk, clock, ...promises, onError });
  try {
    await mkdir(dataDir, { recursive: true });
    const key = await loadKey(join(dataDir, 'journal.key'), random);
    const file = (journal = await FileJournal.open(join(dataDir, 'journal.ndjson')));
    if (file.cutBytes > 0) log.warn({ event: 'bank.cut', count: file.cutBytes }, 'bytes of an unfinished last line were cut off the journal');
    const callback = url === undefined ? undefined : signedCallbacks({ net, clock, random, url, secret });
    const { dial, callbackAttempts, callbackAlways, authorizationSeconds } = options;
    const dials = { dial, callbackAttempts, callbackAlways, authorizationSeconds };
    const bank = new Bank({ journal: file, clock, random, key, callback, ...dials, ...promises, failed: tellFailed });
    await bank.open();
    const door = new Desk(bank, secret);
    void failed.then((error) => log.error({ event: 'bank.failed', error }, 'the journal failed: nobody is answered any more'));
    log.info({ event: 'bank.open', url: server.url }, 'the sandbox bank is open');
    const clerk = options.files === undefined ? undefined : await openClerk(options, options.files, key, tellFailed);
    door.receive = clerk?.receive;
    opened(door);
    const stop = async () => {
      await clerk?.stop();
      await server.stop();
      bank.stop();
      await file.close();
    };
    return { url: server.url, stop, failed };
  } catch (error) {
    keptShut(new BankStopped('the bank did not open', { cause: error })); // whoever waits at the door is cut off
    await server.stop();
    await journal?.close();
    throw error;
  }
}

interface OpenClerk {
  receive(incoming: Incoming): Promise<void>;
  stop(): Promise<void>;
}

/** What comes in files is kept in books of its own, which call nobody back: files answer files. */
async function openClerk(options: BankOptions, folder: string, key: Buffer, failed: (error: Error) => void): Promise<OpenClerk> {
  const { clock, random, dataDir, log, pace = 1, retentionSeconds = 24 * 3600, maxInFlightSeconds = 60 } = options;
  const journal = await FileJournal.open(join(dataDir, 'files.ndjson'));
  const bank = new Bank({ journal, clock, random, key, pace, retentionSeconds, maxInFlightSeconds, failed });
  await bank.open();
  const stopping = new AbortController();
  const clerk = new Clerk({ bank, folder, dataDir: join(dataDir, 'files'), clock, log });
  const running = clerk.run(stopping.signal);
  return {
    receive: (incoming) => clerk.receive(incoming),
    async stop() {
      stopping.abort();
      await running;
      bank.stop();
      await journal.close();
    },
  };
}
