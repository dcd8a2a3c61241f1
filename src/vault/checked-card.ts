import type { Card } from '../connectors/connector.ts';

/** A card in the open, with the name on it where it was given. Exists within the vault, and on the way to a connector. */
export interface CardDetails extends Card {
  holder?: string;
}

/** What anybody may know of a card: at most its first six and last four digits. @source PCI DSS 3.4.1 */
export interface CardFace {
  brand: string;
  bin: string;
  last4: string;
  expiryMonth: number;
  expiryYear: number;
}

/**
 * A card that was checked and may be stored. Rooms carry it to the vault; its number shows neither in JSON nor in a
 * debugger's print, and only the vault's files call `reveal`.
 */
export class CheckedCard {
  readonly face: CardFace;
  readonly #details: CardDetails;

  constructor(details: CardDetails, face: CardFace) {
    this.#details = details;
    this.face = face;
  }

  static reveal(card: CheckedCard): CardDetails {
    return card.#details;
  }
}
