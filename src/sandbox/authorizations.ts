/** The rules of authorizations and of what is done with them: sums are held, and a ref is one thing for as long as it is remembered. */
import { canonicalAuthorization, canonicalOperation, type AuthorizationRequest, type OperationRequest } from './authorization-request.ts';
import { authorizationScenarioFor, operationScenarioFor, withExpiry } from './authorization-scenarios.ts';
import { decide, type Authorization, type Decision } from './deeds.ts';
import { contentOf, maskInstrument } from './fingerprint.ts';
import { declinedOperation, executedOperation } from './operation-scenarios.ts';
import type { Player } from './player.ts';
import type { Reply } from './reply.ts';
import { firstStatus, type Scenario } from './script.ts';

export interface AuthorizationParts {
  /** of the fingerprints */
  key: Buffer;
  /** As the bank's dial, of authorizations and of operations. */
  dialAuthorization?: (request: AuthorizationRequest) => Scenario | undefined;
  dialOperation?: (request: OperationRequest) => Scenario | undefined;
  /** For so long what was authorized may be taken; the bank's pace multiplies it, as every delay. */
  authorizationSeconds?: number;
}

const week = 7 * 24 * 3600;

export class Authorizations {
  readonly #player: Player;
  readonly #parts: AuthorizationParts;

  constructor(player: Player, parts: AuthorizationParts) {
    this.#player = player;
    this.#parts = parts;
  }

  /** `POST /v1/authorizations`. Rejects, as all methods do, when the bank stopped or cannot write: then nobody may be answered. */
  async authorize(request: AuthorizationRequest): Promise<Reply> {
    const { ref, kind, amount, currency, initiator, initialRef } = request;
    const { key, dialAuthorization: dial, authorizationSeconds = week } = this.#parts;
    const player = this.#player;
    const content = contentOf(key, canonicalAuthorization(request));
    const known = player.books.find(ref, player.now());
    if (known) return player.repeat(known, content);
    if (player.books.isFenced(ref, player.now())) return player.fencedOff(ref);

    const scenario = player.played(dial?.(request) ?? authorizationScenarioFor(request, new Date(player.now())));
    const turnedAway = player.turnAway(ref, scenario);
    if (turnedAway) return turnedAway;
    const script = amount === '0' ? scenario.script : withExpiry(scenario.script, authorizationSeconds * 1000);
    return player.take(ref, script, {
      ...{ type: 'authorization_requested', ref, kind, amount, currency, instrument: maskInstrument(key, request), initiator, initialRef },
      ...{ content, scenario: scenario.id, script },
    });
  }

  /** `POST /v1/authorizations/{ref}/captures`, `/cancellations`, `/refunds` */
  async operate(request: OperationRequest): Promise<Reply> {
    const { ref, kind, amount } = request;
    const player = this.#player;
    const content = contentOf(this.#parts.key, canonicalOperation(request));
    const known = player.books.find(ref, player.now());
    if (known) return player.repeat(known, content);

    const authorization = player.books.authorization(request.authorization, player.now());
    const isFenced = player.books.isFenced(request.authorization, player.now());
    const scenario = player.played(this.#scenarioOf(request, decide(authorization, isFenced, kind, BigInt(amount)), authorization));
    const turnedAway = player.turnAway(ref, scenario);
    if (turnedAway) return turnedAway;
    const { id, script } = scenario;
    return player.take(ref, script, {
      ...{ type: 'operation_requested', ref, kind, authorization: request.authorization, of: authorization?.request, amount },
      ...{ content, scenario: id, script },
    });
  }

  /** `GET /v1/authorizations/{ref}` */
  inquire(ref: string): Promise<Reply> {
    return this.#player.inquire('authorizations', ref);
  }

  /** `GET /v1/operations/{ref}` */
  inquireOperation(ref: string): Promise<Reply> {
    return this.#player.inquire('operations', ref);
  }

  #scenarioOf(request: OperationRequest, decision: Decision, authorization: Authorization | undefined): Scenario {
    if (typeof decision === 'object') return declinedOperation(decision.refused, 'operation-refused');
    const scenario = this.#parts.dialOperation?.(request) ?? operationScenarioFor(request, authorization?.scenario);
    // A fence is up or it is not: one that came later would let through what was to be kept out.
    return decision === 'void' && firstStatus(scenario.script) !== 'executed' ? executedOperation : scenario;
  }
}
