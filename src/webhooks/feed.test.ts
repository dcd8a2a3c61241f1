import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Cursors } from './feed.ts';

const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

test('a place comes back as it was', () => {
  const cursors = new Cursors(one);
  for (const place of ['0', '1', '9007199254740993', '12 019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'])
    assert.equal(cursors.read('m', 'events', cursors.write('m', 'events', place)), place);
});

test('its merchant, its list and its key belong to it', () => {
  const cursor = new Cursors(one).write('m', 'events', '5');
  const refused = (merchant: string, list: string, key: Buffer) => assert.throws(() => new Cursors(key).read(merchant, list, cursor), { status: 400 });
  refused('n', 'events', one);
  refused('m', 'deliveries', one);
  refused('m', 'events', other);
  refused('m\nevents', '', one);
});

test('while the master key is being changed, places of the old one are read, and new ones are of the new', () => {
  const changing = new Cursors(other, one);
  assert.equal(changing.read('m', 'events', new Cursors(one).write('m', 'events', '5')), '5');
  assert.equal(new Cursors(other).read('m', 'events', changing.write('m', 'events', '6')), '6');
});
