/** test.mjs: `npm test`. Installs what a fresh clone lacks, then runs vitest with the arguments given. */
import { join } from 'node:path';
import { become, installed, root, script } from './install.mjs';

await script(async () => {
  await installed();
  process.chdir(root);
  if (!process.env.INTERLEAVE)
    process.stderr.write('The interleavings of two parties (test/interleave) take minutes and are skipped: INTERLEAVE=part npm test runs them too.\n');
  await become(join(root, 'node_modules', 'vitest', 'vitest.mjs'), ['run', ...process.argv.slice(2)]);
});
