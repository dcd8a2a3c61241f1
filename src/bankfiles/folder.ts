import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
    for (const name of ['outbox', 'inbox', 'staging', 'inbox/applied', 'inbox/refused']) await mkdir(join(this.root, name), { recursive: true });
    const file = join(this.root, 'staging', '.folder');
    await writeFile(file, make(), { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return (await readFile(file, 'utf8')).trim();
  }

  /** Writes a whole file into staging, and has it on disk when this resolves. */
  async stage(name: string, pieces: AsyncIterable<string>): Promise<void> {
    const file = await open(join(this.root, 'staging', name), 'w', 0o640);
    try {
      for await (const piece of pieces) await file.write(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.sync('staging');
  }

  /** Hands a staged file to the bank. @returns false when it was handed over before */
  async publish(staged: string, name: string): Promise<boolean> {
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

  /** The files that wait in the inbox. One that is still being written has another ending, or a dot in front. */
  async inbox(): Promise<string[]> {
    return (await readdir(join(this.root, 'inbox'))).filter((name) => /^[^.].*\.xml$/i.test(name)).toSorted();
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.root, 'inbox', name), { highWaterMark: 256 * 1024 });
  }

  /** Puts a file away that is done with. One that somebody else has put away is away. */
  async putAway(name: string, where: 'applied' | 'refused', as: string): Promise<void> {
    await rename(join(this.root, 'inbox', name), join(this.root, 'inbox', where, as)).catch((error: NodeJS.ErrnoException) => {
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
