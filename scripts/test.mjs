/** test.mjs: `npm test`. Installs what a fresh clone lacks, then runs vitest with the arguments given. */
import { join } from 'node:path';
import { become, installed, root, script } from './install.mjs';

await script(async () => {
  await installed();
  process.chdir(root);
  await become(join(root, 'node_modules', 'vitest', 'vitest.mjs'), ['run', ...process.argv.slice(2)]);
});
