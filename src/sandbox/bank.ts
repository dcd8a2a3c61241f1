/**
 * The sandbox bank's rules, without sockets: the processor's side of "processor protocol v1". Over HTTP it is the judge of torture
 * runs, in one process with a virtual clock that of simulations. Every method decides at once, in the order of the calls,
 * and answers when the journal has it on disk.
 */
import { Authorizations, type AuthorizationParts } from './authorizations.ts';
import { contentOf, mask } from './fingerprint.ts';
import type { JournalPage } from './journal.ts';
import { operationScenarios } from './operation-scenarios.ts';
import { Player, type PlayerParts } from './player.ts';
import { answer, refusal, type Reply } from './reply.ts';
import { canonical, type TransferRequest } from './request.ts';
import { scenarioFor, scenarios } from './scenarios.ts';
import { executesAtOnce, lineOf, type Scenario } from './script.ts';
import { walletScenarios } from './wallet-scenarios.ts';

export { BankStopped } from './player.ts';

/** The dial of faults: the scenario of this transfer, or undefined for the one of the table. Asked again for a POST that was turned away. */
export type Dial = (request: TransferRequest) => Scenario | undefined;

export interface BankParts extends PlayerParts, AuthorizationParts {
  /** of the fingerprints; as lasting as the journal */
  key: Buffer;
  dial?: Dial;
}

export class Bank {
  readonly retentionSeconds: number;
  readonly maxInFlightSeconds: number;
  readonly pace: number;
  /** `/v1/authorizations` and `/v1/operations` */
  readonly authorizations: Authorizations;
  readonly #parts: BankParts;
  readonly #player: Player;

  /** @throws when a scenario of the tables would break what the bank's headers promise, at this pace */
  constructor(parts: BankParts) {
    this.#parts = parts;
    const player = (this.#player = new Player(parts));
    this.pace = player.pace;
    this.retentionSeconds = player.retentionSeconds;
    this.maxInFlightSeconds = player.maxInFlightSeconds;
    for (const scenario of [...scenarios, ...walletScenarios, ...operationScenarios]) player.played(scenario);
    this.authorizations = new Authorizations(player, parts);
  }

  /** Reads the journal and goes on where it ends. What is overdue happens now, before anybody is answered. @throws {JournalDamaged} */
  open(): Promise<void> {
    return this.#player.open();
  }

  /** `POST /v1/transfers`. Rejects, as all methods do, when the bank stopped or cannot write: then nobody may be answered. */
  async transfer(request: TransferRequest): Promise<Reply> {
    const { ref, kind, amount, currency } = request;
    const { key, dial } = this.#parts;
    const { books } = this.#player;
    const content = contentOf(key, canonical(request));
    const known = books.find(ref, this.#player.now());
    if (known) return this.#player.repeat(known, content);
    if (books.isFenced(ref, this.#player.now())) return this.#player.fencedOff(ref);

    const scenario = this.#player.played(dial?.(request) ?? scenarioFor(request));
    const turnedAway = this.#player.turnAway(ref, scenario);
    if (turnedAway) return turnedAway;
    const { id, script } = scenario;
    const kept = script === executesAtOnce ? {} : { script };
    return this.#player.take(ref, script, {
      ...{ type: 'requested', ref, kind, amount, currency },
      ...{ destination: mask(key, request), content, scenario: id, ...kept },
    });
  }

  /** `GET /v1/transfers/{ref}` */
  inquire(ref: string): Promise<Reply> {
    return this.#player.inquire('transfers', ref);
  }

  /** `POST /v1/transfers/{ref}/cancel`: from here on no POST of this ref is executed, or the answer says that it was. */
  async cancel(ref: string): Promise<Reply> {
    const { books } = this.#player;
    const now = this.#player.now();
    const deed = books.find(ref, now);
    if (deed && deed.room !== 'transfers') return this.#player.say(refusal(409, 'this ref is no transfer'), { type: 'conflicted', ref, request: deed.request });
    const line = lineOf(deed?.script.cancels, deed?.cancels ?? 0);
    const met = deed?.status ?? (books.isFenced(ref, now) ? 'cancelled' : undefined);
    if (met === undefined || met === 'pending') {
      return this.#player.say(answer(200, { ref, status: 'cancelled' }), { type: 'cancelled', ref, ...(deed && { request: deed.request }) }, line);
    }
    return this.#player.say(answer(met === 'cancelled' ? 200 : 409, { ref, status: met }), { type: 'cancel_repeated', ref, answer: met }, line);
  }

  /** A body that is no request of its call. @param error names the field, never its value */
  malformed(error: string): Promise<Reply> {
    return this.#player.say(refusal(400, error), { type: 'malformed', error });
  }

  journal(after: number, limit: number): Promise<JournalPage> {
    return this.#parts.journal.read(after, limit);
  }

  /** From here on the bank writes and answers nothing, as if it had been killed. The journal stays open: it is not the bank's to close. */
  stop(): void {
    this.#player.stop();
  }
}
