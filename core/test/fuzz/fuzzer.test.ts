// The fuzzer finds what is there to be found, and repeats it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Finding, fuzz, replay, type Target } from './fuzzer.ts';
import { TARGETS } from './targets.ts';

function planted(run: (text: string) => void): Target {
  return {
    name: 'planted',
    share: 1000,
    seeds: [Buffer.from('MAIL FROM:<a@x.example> SIZE=10\r\n')],
    words: ['RCPT', 'DATA', ' ', '<>'],
    run: (input) => run(Buffer.from(input).toString('latin1')),
  };
}

test('it finds an input that throws, the same one with the same seed, and one that repeats it', () => {
  const target = planted((text) => {
    if (/SIZE=9{10,}/.test(text) || /RCPT.*DATA/.test(text)) throw new Error('planted');
  });
  const found = [1, 1].map(() => {
    try {
      fuzz([target], { seed: 7, inputs: 100_000 });
    } catch (error) {
      if (error instanceof Finding) return error;
      throw error;
    }
    return assert.fail('nothing was found');
  });
  assert.deepEqual(found[0]?.input, found[1]?.input);
  assert.throws(() => replay(target, found[0]?.input ?? assert.fail()), /planted/);
});

test('it finds an input that takes too long', () => {
  const target = planted((text) => {
    const until = performance.now() + (text.includes('RCPT') ? 600 : 0);
    while (performance.now() < until);
  });
  assert.throws(() => fuzz([target], { seed: 7, inputs: 10_000 }), /it took \d+ ms/);
});

test('it finds a target that keeps what it is given', () => {
  const kept: string[][] = [];
  const target = planted((text) => void kept.push(Array<string>(500).fill(text)));
  assert.throws(() => fuzz([target], { seed: 7, inputs: 10_000 }), /the heap grew/);
});

test('a few thousand inputs for every target', () => {
  fuzz(TARGETS, { seed: 20261124, inputs: 5000 });
});

test('the shares of the targets are a whole', () => {
  assert.equal(
    TARGETS.reduce((sum, { share }) => sum + share, 0),
    1000,
  );
});
