import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { recordingLogger } from '@posthouse/core/testing';
import { GreylistStore } from '../src/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-greylist-'));
after(() => rmSync(folder, { recursive: true }));

describe('the memory of the greylist', () => {
  const NETWORK = '192.0.2.0/24';
  const triplet = { network: NETWORK, sender: 'ann@sender.example', recipient: 'bob@example.org' };
  const waiting = { first: 0, last: 0, passed: false };

  it('counts what another process does, and hears within a second of a network that it let pass', () => {
    const path = join(folder, 'shared.db');
    const [ours, other] = [0, 1].map(() => GreylistStore.open(path, 100, recordingLogger())) as [
      GreylistStore,
      GreylistStore,
    ];
    assert.equal(ours.network(NETWORK, 1000), undefined);
    other.pass(triplet, waiting, 1000);
    assert.equal(ours.network(NETWORK, 1999), undefined);
    assert.deepEqual(ours.network(NETWORK, 2000), { successes: 1, last: 1000 });
    other.pass({ ...triplet, recipient: 'eve@example.org' }, waiting, 2001);
    ours.pass({ ...triplet, recipient: 'joe@example.org' }, waiting, 2002);
    assert.deepEqual(ours.network(NETWORK, 2003), { successes: 3, last: 2002 });
    ours.close();
    other.close();
  });

  it('looks again when the clock was set back', () => {
    const store = GreylistStore.open(join(folder, 'clock.db'), 100, recordingLogger());
    const other = GreylistStore.open(join(folder, 'clock.db'), 100, recordingLogger());
    assert.equal(store.network(NETWORK, 1_000_000), undefined);
    other.pass(triplet, waiting, 5);
    assert.deepEqual(store.network(NETWORK, 10), { successes: 1, last: 5 });
    store.close();
    other.close();
  });
});
