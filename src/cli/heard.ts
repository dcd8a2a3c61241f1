/**
 * Waits until whoever reads this process has taken all that it said: a pipe takes only what there is room for, and what is left
 * when the process ends is lost without a word.
 */
export async function heard(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>((done) => stream.write('', () => done()));
}
