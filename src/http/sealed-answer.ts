import type { Answer } from './idempotency.ts';

/**
 * Answers that show a secret, which is nowhere else. What is stored of one holds the secret sealed: the same
 * Idempotency-Key gives the same answer, and the database still gives nobody a secret.
 */
export class SealedAnswers {
  private readonly open: (sealed: Buffer, id: string) => string;

  /** @param open reads the secret of the object with this id */
  constructor(open: (sealed: Buffer, id: string) => string) {
    this.open = open;
  }

  /** As it is stored; to be revealed before it goes out. */
  make(status: number, shown: { id: string }, sealed: Buffer): Answer {
    return { status, objectId: shown.id, body: JSON.stringify({ ...shown, secret: sealed.toString('base64') }) };
  }

  /** The answer with its secret opened; without one, when it is an old answer of a master key that is gone. */
  reveal(answer: Answer): Answer {
    const { secret, ...shown } = JSON.parse(answer.body) as { id: string; secret: string };
    const opened = this.opened(Buffer.from(secret, 'base64'), shown.id, answer.replayed === true);
    return { ...answer, body: JSON.stringify({ ...shown, ...(opened === undefined ? {} : { secret: opened }) }) };
  }

  private opened(sealed: Buffer, id: string, mayBeGone: boolean): string | undefined {
    try {
      return this.open(sealed, id);
    } catch (error) {
      if (mayBeGone) return undefined;
      throw error;
    }
  }
}
