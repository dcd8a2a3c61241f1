/** harness.mjs <name> [arguments]: `npm run bench`, `sim`, `torture`. Installs and builds what is missing, then runs test/<name>/main.ts. */
import { join } from 'node:path';
import { become, built, root, script } from './install.mjs';

await script(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  await built();
  await become(join(root, 'dist', 'test', name, 'main.js'), args);
});
