// Where the database runs: by configuration, or by what a sync takes.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { middleOf, placeFor, syncTime } from '../src/disk-speed.ts';
import { temporaryFolder } from './opened-stores.ts';

test('a disk whose syncs are slow moves the database out of the main thread, a quick one does not', () => {
  assert.equal(
    placeFor('auto', () => 0.3),
    'main',
  );
  assert.equal(
    placeFor('auto', () => 1),
    'main',
  );
  assert.equal(
    placeFor('auto', () => 4),
    'worker',
  );
});

test('the configuration decides without a measurement', () => {
  const never = (): number => assert.fail('it was measured');
  assert.equal(placeFor('main', never), 'main');
  assert.equal(placeFor('worker', never), 'worker');
});

test('syncs that were held up once do not decide', () => {
  const times = [0.2, 30, 0.3, 0.25, 50, 0.2, 0.3];
  assert.equal(
    middleOf(7, () => times.shift() as number),
    0.3,
  );
});

test('the measurement leaves nothing behind', () => {
  const folder = temporaryFolder();
  try {
    assert.ok(syncTime(folder.path) > 0);
    assert.deepEqual(readdirSync(folder.path), []);
  } finally {
    folder.remove();
  }
});
