import { createHash } from 'node:crypto';

/** What happened, in order: the last lines for whoever has to understand it, and a hash of all of them to compare runs by. */
export class Trace {
  lines = 0;
  private readonly hash = createHash('sha256');
  private readonly kept: string[] = [];
  private readonly keep: number;

  /** @param keep how many lines at the end are kept */
  constructor(keep: number) {
    this.keep = keep;
  }

  write(line: string): void {
    this.lines++;
    this.hash.update(line).update('\n');
    this.kept.push(line);
    if (this.kept.length > this.keep * 2) this.kept.splice(0, this.kept.length - this.keep);
  }

  last(count = this.keep): string[] {
    return this.kept.slice(-count);
  }

  /** Of all lines so far. */
  digest(): string {
    return this.hash.copy().digest('hex').slice(0, 24);
  }
}
