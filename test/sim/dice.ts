import { createHash } from 'node:crypto';
import type { Random } from '../../src/ports.ts';

/**
 * Chance from a seed: xoshiro128**, so that the same seed gives the same run everywhere. Whoever needs chance takes dice of
 * its own by a name; what one of them throws changes nothing for the others.
 * @source Blackman, Vigna: Scrambled linear pseudorandom number generators (2021)
 */
export class Dice implements Random {
  private readonly name: string;
  private readonly s: Uint32Array;

  constructor(name: string) {
    this.name = name;
    const hash = createHash('sha256').update(name).digest();
    this.s = Uint32Array.from([0, 4, 8, 12], (at) => hash.readUInt32LE(at));
  }

  /** Other dice, that belong to these. */
  of(name: string): Dice {
    return new Dice(`${this.name}/${name}`);
  }

  uint32(): number {
    const s = this.s as unknown as [number, number, number, number];
    const result = Math.imul(rotl(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11);
    return result;
  }

  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  bytes(count: number): Buffer {
    const out = Buffer.alloc(count);
    for (let at = 0; at < count; at += 4) {
      const word = this.uint32();
      for (let i = 0; i < 4 && at + i < count; i++) out[at + i] = (word >>> (8 * i)) & 255;
    }
    return out;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** A number from `least` to `most`, small ones as likely as large ones by order of magnitude. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.fraction();
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  /** One of several, by weight. */
  weighed<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let left = this.fraction() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) if ((left -= weight) < 0) return item;
    return (items.at(-1) as readonly [number, T])[1];
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
