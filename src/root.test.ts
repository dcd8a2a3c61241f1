import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { root } from './root.ts';

test('the root is the folder of this package', () => {
  assert.equal(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name, 'tolem');
});
