/** root.ts: where this package is, for what is read at run time and not compiled (migrations, the package's version). */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the package's root: the nearest folder upwards with a package.json, so the same from src/ and from dist/src/. */
export const root: string = nearest(dirname(fileURLToPath(import.meta.url)));

function nearest(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('package.json is missing: dist/ has been taken out of its package');
  return nearest(parent);
}
