#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=150
/** tolem.mjs: the command line, compiled first if a source has changed. */
import { join } from 'node:path';
import { become, built, root, script } from '../scripts/install.mjs';

await script(async () => {
  await built();
  await become(join(root, 'dist', 'src', 'cli', 'main.js'), process.argv.slice(2));
});
