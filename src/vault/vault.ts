import type { Card } from '../connectors/connector.ts';

/** A saved card that can be used once or more, without its number being seen by who holds this. */
export interface OpenCard {
  /** Decrypts for as long as `work` takes. */
  use<T>(work: (card: Card) => Promise<T>): Promise<T>;
}
