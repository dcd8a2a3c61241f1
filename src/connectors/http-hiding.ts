/** What is the customer's goes no further, although a processor may repeat it in its answers. */
import { masked } from '../log.ts';
import type { Instrument } from './authorizer.ts';
import { text } from './http-line.ts';

export interface Hide {
  /** Words without numbers that may be somebody's. */
  words(words: string): string;
  /** A number by which the processor knows something, unless it is the customer's; null where there is none. */
  number(value: unknown): string | null;
  /** Whether the customer's number is part of it. */
  isIn(text: string): boolean;
}

/** Ten digits or more, however grouped, may be a phone, a personal number or a card. */
const PERSONAL = /\+?\d(?:[ ().-]{0,2}\d){9,}/g;

/** @param instrument that was sent, where it is known */
export function hiding(instrument?: Instrument): Hide {
  const numbers = instrument ? numbersOf(instrument) : [];
  // Three digits are hidden where they stand alone: within a longer number they would be there by chance.
  const cvv = instrument?.kind === 'card' && instrument.cvv ? new RegExp(`(?<!\\d)${instrument.cvv}(?!\\d)`, 'g') : undefined;
  const isIn = (text: string) => numbers.some((number) => text.includes(number));
  const words = (said: string) => {
    const hidden = masked(said).replace(PERSONAL, '[digits]');
    return cvv ? hidden.replace(cvv, '[digits]') : hidden;
  };
  const number = (value: unknown) => {
    const plain = text(value);
    return plain === null ? null : isIn(plain) ? '[digits]' : masked(plain);
  };
  return { words, number, isIn };
}

/** Of a phone without its country: so it is found in any of its spellings. */
const numbersOf = (instrument: Instrument): string[] =>
  instrument.kind === 'card' ? [instrument.pan] : [instrument.phone.replace(/\D/g, '').slice(-10), instrument.iin];
