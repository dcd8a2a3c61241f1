import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../errors.ts';
import { Spool } from './spool.ts';

const NAME = join('staging', '.folder');
const READING = join('inbox', 'reading');

/**
 * The folder that is shared with the bank (in production what an SFTP client of the bank's looks after): `outbox` is taken from by the
 * bank, `inbox` is put into; `staging` is ours. All on one file system, so that a file appears whole or not at all.
 */
export class BankFolder {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes what is not there yet. @returns the folder's own name, by which it is told from another one at the same path of another machine */
  async open(make: () => string): Promise<string> {
    for (const name of ['outbox', 'inbox', 'staging', 'inbox/reading', 'inbox/applied', 'inbox/refused'])
      await mkdir(join(this.root, name), { recursive: true });
    const own = make();
    const draft = join(this.root, 'staging', `.folder.${own}`);
    await this.write(draft, [own]);
    // Whole or not at all, and the first one wins.
    await link(draft, join(this.root, NAME)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(draft);
    await this.sync('staging');
    return this.name();
  }

  private async name(): Promise<string> {
    const name = (await readFile(join(this.root, NAME), 'utf8')).trim();
    assert(name !== '', 'the bank’s folder has a name');
    return name;
  }

  /** Writes a whole file into staging, and has it on disk when this resolves. */
  async stage(name: string, pieces: AsyncIterable<string>): Promise<void> {
    try {
      await this.write(join(this.root, 'staging', name), pieces);
    } catch (error) {
      await this.unstage(name).catch(() => undefined); // what is wrong is said above
      throw error;
    }
    await this.sync('staging');
  }

  private async write(path: string, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
    const file = await open(path, 'w', 0o640);
    try {
      for await (const piece of pieces) await file.appendFile(piece); // all of it, or an error
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /**
   * Hands a staged file to the bank.
   * @param folder the name of the folder that it was staged in: another folder at this place (a disk that is not mounted) says nothing
   * @returns false when it was handed over before
   */
  async publish(staged: string, name: string, folder: string): Promise<boolean> {
    assert((await this.name()) === folder, 'the bank’s folder is the one that the file was staged in');
    try {
      await rename(join(this.root, 'staging', staged), join(this.root, 'outbox', name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    await this.sync('outbox');
    await this.sync('staging');
    return true;
  }

  unstage(name: string): Promise<void> {
    return rm(join(this.root, 'staging', name), { force: true });
  }

  /**
   * Takes the files that wait in the inbox out of everybody's reach, so that none changes while it is read. One that is still being
   * written has another ending, a dot in front, or was changed a moment ago.
   * @param settled in milliseconds since 1970: files that were changed later are left where they are
   * @param mark makes a name of its own of each; @returns what is to be read, what an earlier process left included
   */
  async takeInbox(settled: number, mark: () => string): Promise<string[]> {
    for (const entry of await readdir(join(this.root, 'inbox'), { withFileTypes: true })) {
      if (!entry.isFile() || !/^[^.].*\.xml$/i.test(entry.name)) continue;
      const path = join(this.root, 'inbox', entry.name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Math.floor(mtimeMs) <= settled) await rename(path, join(this.root, READING, `${mark()}-${entry.name.slice(-120)}`)).catch(() => undefined); // somebody else was quicker, or it stays
    }
    return (await readdir(join(this.root, READING))).toSorted();
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.root, READING, name), { highWaterMark: 256 * 1024 });
  }

  /** @returns room for what is read of a file until it is used; it is nobody else's, and gone when it is closed or the process dies */
  async spool(name: string): Promise<Spool> {
    const path = join(this.root, 'staging', name);
    const file = await open(path, 'wx+', 0o600);
    await rm(path);
    return new Spool(file);
  }

  /** Puts a file away that is done with. One that somebody else has put away is away. */
  async putAway(name: string, where: 'applied' | 'refused'): Promise<void> {
    await rename(join(this.root, READING, name), join(this.root, 'inbox', where, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  private async sync(name: string): Promise<void> {
    const folder = await open(join(this.root, name), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
