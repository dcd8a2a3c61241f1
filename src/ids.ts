import { V7Generator } from 'uuidv7';
import type { Clock, Random } from './ports.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford's: no i, l, o, u

/** Makes the platform's ids: UUIDv7 in the order of the platform's clock. */
export class Ids {
  private readonly generator: V7Generator;
  private readonly clock: Clock;
  private readonly random: Random;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
    let pool: Buffer = Buffer.alloc(0);
    let at = 0;
    const nextUint32 = () => {
      if (at === pool.length) [pool, at] = [random.bytes(1024), 0];
      at += 4;
      return pool.readUInt32LE(at - 4);
    };
    this.generator = new V7Generator({ nextUint32 });
  }

  /** A new UUIDv7, greater than the one before it from here. */
  uuid(): string {
    return this.generator.generateOrResetCore(this.clock.now().getTime(), 10_000).toString();
  }

  /** A secret or capability: `length` characters of base 62, 5.95 bits each (22 are 131 bits). */
  secret(length: number): string {
    return pick(this.random, BASE62, length);
  }

  /** `length` characters that a person can read out: 5 bits each. */
  code(length: number): string {
    return pick(this.random, BASE32, length);
  }
}

function pick(random: Random, alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length); // bytes beyond it would favour the first letters
  let out = '';
  while (out.length < length) {
    for (const byte of random.bytes(length * 2)) {
      if (byte < limit && out.length < length) out += alphabet[byte % alphabet.length];
    }
  }
  return out;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a string can be an id of ours; anything else is simply not found. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** A uuid in 26 characters of base 32: its first says less than the others, so that ids keep their order as texts. */
export function toBase32(id: string): string {
  let [tail, bits, held] = ['', 0, 0];
  for (let i = id.length - 1; i >= 0; i--) {
    if (id[i] === '-') continue;
    bits |= Number.parseInt(id[i] as string, 16) << held;
    for (held += 4; held >= 5; held -= 5, bits >>= 5) tail = (BASE32[bits & 31] as string) + tail;
  }
  return `${BASE32[bits] as string}${tail}`;
}

/** @returns the uuid, or undefined when the text is none in base 32 */
export function fromBase32(text: string): string | undefined {
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)) return undefined;
  let [hex, bits, held] = ['', 0, -2]; // its first letter stands for three bits
  for (let i = 0; i < text.length; i++) {
    bits = ((bits << 5) | BASE32.indexOf(text[i] as string)) & 0x1ff; // as many as can be held
    for (held += 5; held >= 4; held -= 4) hex += ((bits >> (held - 4)) & 15).toString(16);
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The reference that a processor knows a payout by: the merchant's code, then the payout's id in base 32; 35 characters,
 * as many as the narrowest field of a bank holds. It tells whose it is without a look-up by payout.
 */
export const processorReference = (merchantCode: string, id: string): string => `${merchantCode}-${toBase32(id)}`;

/** @returns the merchant's code and the payout's id, or undefined when it is no reference of ours */
export function parseProcessorReference(reference: string): { merchantCode: string; id: string } | undefined {
  const [, merchantCode, tail = ''] = /^([0-9a-hjkmnp-tv-z]{8})-(.{26})$/.exec(reference) ?? [];
  const id = fromBase32(tail);
  return merchantCode && id ? { merchantCode, id } : undefined;
}
