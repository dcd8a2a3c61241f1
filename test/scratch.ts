/** scratch.ts: where tests keep databases: in memory if there is plenty, since they make and drop many and none has to last. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

export const scratch: string = roomy('/dev/shm') ? '/dev/shm' : tmpdir();

function roomy(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > 4e9;
  } catch {
    return false;
  }
}
