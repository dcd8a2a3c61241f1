/**
 * A bank file that cannot be read or written as it is. Its message is for the people of the house and of the bank; it names the
 * place, and repeats at most a few characters of the file.
 */
export class BankFileError extends Error {
  /** of the file, counted from 1; null where a file is written */
  readonly line: number | null;

  constructor(why: string, line: number | null = null) {
    super(line === null ? why : `line ${line}: ${why}`);
    this.name = 'BankFileError';
    this.line = line;
  }
}
