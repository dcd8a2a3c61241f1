import { webhookTokenOwner } from '../merchants/open.ts';
import type { Clock, Random } from '../ports.ts';
import type { Sealer } from '../sealing.ts';
import type { Target } from './claims.ts';
import { type Signing, writtenSecret } from './signature.ts';

/** For how long an opened secret stays in memory. */
const KEEP_MS = 60_000;
const MAX_KEPT = 10_000;

/** What an endpoint's secret is sealed under. */
export const secretOwner = (endpointId: string): string => `endpoint/${endpointId}`;

/** Signing secrets of endpoints: made, sealed, and opened when something is to be signed. */
export class Secrets {
  private readonly kept = new Map<string, { plain: Buffer; until: number }>();
  private readonly sealer: Sealer;
  private readonly clock: Clock;
  private readonly random: Random;

  constructor(sealer: Sealer, clock: Clock, random: Random) {
    this.sealer = sealer;
    this.clock = clock;
    this.random = random;
  }

  /** A new secret of 32 bytes, sealed for its endpoint. */
  make(endpointId: string): Buffer {
    return this.sealer.seal(this.random.bytes(32), secretOwner(endpointId));
  }

  /** A secret as the merchant writes it: whsec_… */
  show(sealed: Buffer, endpointId: string): string {
    return writtenSecret(this.sealer.open(sealed, secretOwner(endpointId)));
  }

  /** The same secret under the present master key. */
  reseal(sealed: Buffer, of: string): Buffer {
    return this.sealer.seal(this.sealer.open(sealed, of), of);
  }

  /** What an attempt is signed with now: the endpoint's secret, and the one before while that still holds. */
  signing(merchantId: string, { id, secret, previousSecret, previousUntil, webhookToken }: Target): Signing {
    const rolling = previousSecret && previousUntil && previousUntil > this.clock.now();
    const keys = [secret, ...(rolling ? [previousSecret] : [])].map((sealed) => this.open(sealed, secretOwner(id)));
    return { keys, webhookToken: this.open(webhookToken, webhookTokenOwner(merchantId)).toString('utf8') };
  }

  private open(sealed: Buffer, of: string): Buffer {
    const now = this.clock.monotonic();
    const name = `${of} ${sealed.toString('base64')}`;
    const kept = this.kept.get(name);
    if (kept && kept.until > now) return kept.plain;
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    const plain = this.sealer.open(sealed, of);
    this.kept.set(name, { plain, until: now + KEEP_MS });
    return plain;
  }
}
