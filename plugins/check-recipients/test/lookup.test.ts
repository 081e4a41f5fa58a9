import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock, recordingLogger } from '@posthouse/core/testing';
import { Lookup } from '../src/lookup.ts';
import type { Address, Source } from '../src/source.ts';

const CONFIG = {
  timeout: 5000,
  requests: 2,
  knownFor: 600_000,
  unknownFor: 60_000,
  staleFor: 86_400_000,
  cacheSize: 3,
};
const at = (local: string): Address => ({ address: `${local}@a.example`, local, domain: 'a.example' });

/** A source whose answers a test gives: names that are known, or a failure, or silence. */
function scripted(known: readonly string[] = []) {
  const asked: string[] = [];
  const source = {
    name: 'scripted',
    state: 'well' as 'well' | 'dead' | 'silent',
    aborted: 0,
    asked,
    known: [...known],
    knows({ local }: Address, signal: AbortSignal): Promise<boolean> {
      asked.push(local);
      signal.addEventListener('abort', () => source.aborted++);
      if (source.state === 'dead') return Promise.reject(new Error('no connection'));
      if (source.state === 'silent') return new Promise(() => {});
      return Promise.resolve(source.known.includes(local));
    },
  };
  return source satisfies Source & { asked: string[] };
}

function open(sources: readonly Source[], config: Partial<typeof CONFIG> = {}) {
  const clock = fakeClock();
  const log = recordingLogger();
  return { clock, log, lookup: new Lookup(sources, { ...CONFIG, ...config }, clock, log) };
}

describe('an answer', () => {
  test('is remembered, the good one longer than the bad one', async () => {
    const source = scripted(['ann']);
    const { lookup, clock } = open([source]);
    assert.equal(await lookup.knows(at('ann')), true);
    assert.equal(await lookup.knows(at('eve')), false);
    assert.equal(lookup.knows(at('ann')), true, 'at once');
    assert.equal(lookup.knows(at('eve')), false, 'at once');
    await clock.advance(60_000);
    await lookup.knows(at('ann'));
    await lookup.knows(at('eve'));
    assert.deepEqual(source.asked, ['ann', 'eve', 'eve']);
    await clock.advance(540_000);
    await lookup.knows(at('ann'));
    assert.deepEqual(source.asked, ['ann', 'eve', 'eve', 'ann']);
  });

  test('is forgotten when there is no room', async () => {
    const source = scripted();
    const { lookup } = open([source]);
    for (const name of ['a', 'b', 'c', 'd', 'd', 'a']) await lookup.knows(at(name));
    assert.deepEqual(source.asked, ['a', 'b', 'c', 'd', 'a']);
  });

  test('serves all who ask for it at a time', async () => {
    const source = scripted(['ann']);
    const { lookup } = open([source], { requests: 1 });
    const answers = await Promise.all([1, 2, 3].map(() => lookup.knows(at('ann'))));
    assert.deepEqual([answers, source.asked], [[true, true, true], ['ann']]);
  });
});

describe('a source that', () => {
  test('is dead gives no answer, which is not remembered, and is told of once a minute', async () => {
    const source = scripted(['ann']);
    source.state = 'dead';
    const { lookup, log, clock } = open([source]);
    assert.equal(await lookup.knows(at('ann')), undefined);
    assert.equal(await lookup.knows(at('bob')), undefined);
    assert.equal(log.lines.length, 1);
    await clock.advance(60_000);
    await lookup.knows(at('ann'));
    assert.equal(log.lines.length, 2);
    source.state = 'well';
    assert.equal(await lookup.knows(at('ann')), true);
  });

  test('is silent is waited for no longer than its time, and is told so', async () => {
    const source = scripted();
    source.state = 'silent';
    const { lookup, clock } = open([source]);
    const answer = lookup.knows(at('ann'));
    await clock.advance(5000);
    assert.equal(await answer, undefined);
    assert.equal(source.aborted, 1);
  });

  test('has enough to do gets no further question', async () => {
    const source = scripted();
    source.state = 'silent';
    const { lookup, clock } = open([source]);
    const busy = [lookup.knows(at('a')), lookup.knows(at('b'))];
    assert.equal(lookup.knows(at('c')), undefined);
    await clock.advance(5000);
    await Promise.all(busy);
    source.state = 'well';
    assert.equal(await lookup.knows(at('c')), false);
  });

  test('has gone leaves known mailboxes known for a day, unknown ones are unknown no longer', async () => {
    const source = scripted(['ann']);
    const { lookup, clock } = open([source]);
    await lookup.knows(at('ann'));
    await lookup.knows(at('eve'));
    source.state = 'dead';
    await clock.advance(3_600_000);
    assert.equal(await lookup.knows(at('ann')), true);
    assert.equal(await lookup.knows(at('eve')), undefined);
    await clock.advance(86_400_000);
    assert.equal(await lookup.knows(at('ann')), undefined);
  });

  test('throws at once is no trouble', async () => {
    const { lookup } = open([
      {
        name: 'throws',
        knows() {
          throw new Error('oh');
        },
      },
    ]);
    assert.equal(await lookup.knows(at('ann')), undefined);
  });
});

test('one source of several is enough to know; all must answer before a mailbox is unknown', async () => {
  const [first, second] = [scripted(['ann']), scripted(['bob'])];
  const { lookup } = open([first, second]);
  assert.deepEqual(
    [await lookup.knows(at('ann')), await lookup.knows(at('bob')), await lookup.knows(at('eve'))],
    [true, true, false],
  );
  assert.deepEqual(second.asked, ['bob', 'eve']);
  first.state = 'dead';
  assert.equal(await lookup.knows(at('eva')), undefined);
  second.known.push('ivy');
  assert.equal(await lookup.knows(at('ivy')), true);
});

test('a source that answers at once costs no promise', () => {
  const { lookup } = open([{ name: 'local', local: true, knows: ({ local }) => local === 'ann' }]);
  assert.equal(lookup.knows(at('ann')), true);
  assert.equal(lookup.knows(at('eve')), false);
});
