/** The journal on disk. Entries that wait while the previous ones are synced are written and synced together. */
import { fstatSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JournalDamaged, lineFor, parseLine, type Entry, type Fact, type Journal, type JournalPage } from './journal.ts';

const newline = 0x0a;
const chunkBytes = 1 << 18;
/** A mark every so many entries is enough to find any of them fast. */
const entriesPerMark = 512;

/** Entries that are synced together, and who waits for them. */
class Group {
  readonly lines: string[] = [];
  readonly done: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;
  constructor() {
    this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.done.catch(() => {}); // a group that nobody waits for may fail too; `durable` tells all who ask
  }
}

export class FileJournal implements Journal {
  readonly cutBytes: number;
  readonly #file: FileHandle;
  /** bytes on disk, all of whole lines */
  #size: number;
  /** entries on disk */
  #durable = 0;
  #appended = 0;
  /** where entry 1, 513, 1025 … begin */
  readonly #marks: number[] = [];
  #filling = new Group();
  #flying: Group | undefined;
  #replayed = false;
  #failure: Error | undefined;

  private constructor(file: FileHandle, size: number, cutBytes: number) {
    this.#file = file;
    this.#size = size;
    this.cutBytes = cutBytes;
  }

  /** Opens or creates the journal and cuts off an unfinished last line: it was never synced, so it was never acted upon. */
  static async open(path: string): Promise<FileJournal> {
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    const whole = await endOfLastLine(file, size);
    if (whole < size) await file.truncate(whole);
    // What a killed process wrote may still be in memory only; answers will be built on it from here on.
    await file.sync();
    await syncDirectory(dirname(path));
    return new FileJournal(file, whole, size - whole);
  }

  async replay(visit: (entry: Entry) => void): Promise<void> {
    let n = 0;
    for await (const { line, offset } of this.#linesFrom(0)) {
      visit(parseLine(line, n + 1));
      this.#mark(++n, offset);
    }
    this.#appended = this.#durable = n;
    this.#replayed = true;
  }

  append(at: Date, fact: Fact): Entry {
    if (this.#failure) throw this.#failure;
    if (!this.#replayed) throw new Error('a journal is replayed before it is written');
    const { entry, line } = lineFor(++this.#appended, at, fact);
    this.#filling.lines.push(line);
    if (this.#filling.lines.length === 1 && !this.#flying) void this.#write();
    return entry;
  }

  durable(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#filling.lines.length > 0) return this.#filling.done;
    return this.#flying?.done ?? Promise.resolve();
  }

  async read(after: number, limit: number): Promise<JournalPage> {
    const last = Math.min(this.#durable, after + limit);
    const lines: string[] = [];
    if (last > after) {
      let n = Math.floor(after / entriesPerMark) * entriesPerMark;
      for await (const { line } of this.#linesFrom(this.#marks[n / entriesPerMark]!)) {
        if (++n > after) lines.push(line);
        if (n === last) break;
      }
    }
    return { lines, last: after + lines.length, more: last < this.#durable };
  }

  async close(): Promise<void> {
    await this.durable().catch(() => {});
    this.#failure ??= new Error('the journal is closed');
    await this.#file.close();
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // what this turn of the loop appends joins the group
    while (this.#filling.lines.length > 0 && !this.#failure) {
      const group = (this.#flying = this.#filling);
      this.#filling = new Group();
      try {
        await this.#sync(group.lines);
        group.resolve();
      } catch (error) {
        // Nobody knows what is on disk now, and a later sync would not tell: no answer may follow.
        this.#failure = error as Error;
        group.reject(this.#failure);
        this.#filling.reject(this.#failure);
      }
      this.#flying = undefined;
    }
  }

  async #sync(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    this.#assertAlone(this.#size);
    for (let written = 0; written < bytes.length;) {
      written += (await this.#file.write(bytes, written)).bytesWritten;
    }
    await this.#file.datasync();
    this.#assertAlone(this.#size + bytes.length);
    let offset = this.#size;
    for (const line of lines) {
      this.#mark(++this.#durable, offset);
      offset += Buffer.byteLength(line) + 1;
    }
    this.#size = offset;
  }

  /** Two banks on one journal would number twice: the one that finds foreign bytes stops before it answers. */
  #assertAlone(size: number): void {
    if (fstatSync(this.#file.fd).size !== size) throw new JournalDamaged('another process writes this journal');
  }

  #mark(n: number, offset: number): void {
    if ((n - 1) % entriesPerMark === 0) this.#marks.push(offset);
  }

  async *#linesFrom(start: number): AsyncGenerator<{ line: string; offset: number }> {
    const end = this.#size;
    let rest: Buffer = Buffer.alloc(0);
    for (let position = start; position < end;) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(Math.min(chunkBytes, end - position)), 0, undefined, position);
      if (bytesRead === 0) throw new JournalDamaged('the journal has become shorter');
      const base = position - rest.length;
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let from = 0;
      for (let to = bytes.indexOf(newline); to >= 0; to = bytes.indexOf(newline, from)) {
        yield { line: bytes.toString('utf8', from, to), offset: base + from };
        from = to + 1;
      }
      rest = bytes.subarray(from);
      position += bytesRead;
    }
  }
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - chunkBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, undefined, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** A new file is only there after a power cut if its name is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync();
  await directory.close();
}
