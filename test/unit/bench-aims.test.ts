import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdicts, verdictTable } from '../bench/aims.ts';
import type { Measurement } from '../bench/measure.ts';
import { SUITES } from '../bench/scenario.ts';
import type { Row } from '../bench/tournament.ts';

const MIB = 1024 ** 2;

test('every aim belongs to a scenario of the suite', () => {
  const rows = SUITES.promises().map((scenario): Row => {
    const servers = ['Posthouse', 'Posthouse, 12 plugins', 'bare responder', 'Postfix', 'Haraka'];
    return { scenario, results: servers.map((server) => ({ server, runs: [run({})] })) };
  });
  const missing = verdicts(rows, ['Postfix']).filter(({ measured }) => measured === undefined);
  assert.deepEqual(
    missing.map(({ what }) => what),
    ['the reference configuration', 'idle connections', '1,000,000 queued items'],
  );
});

test('an aim is reached by the medians of the run, and not by less', () => {
  const scenario = SUITES.promises().find(({ job }) => job === 'maildir');
  assert.ok(scenario !== undefined);
  const judged = (rate: number): string => {
    const results = [
      { server: 'Posthouse', runs: [run({ rate: 1 }), run({ rate }), run({ rate: 9000 })] },
      { server: 'Postfix', runs: [run({ rate: 1000 })] },
    ];
    const [verdict] = verdicts([{ scenario, results }], ['Postfix']).filter(({ measured }) => measured);
    return `${verdict?.aim}: ${verdict?.measured}, ${verdict?.reached}`;
  };
  assert.equal(judged(4000), 'at least 4 times the rate of Postfix: 4.00 times, true');
  assert.equal(judged(3990), 'at least 4 times the rate of Postfix: 3.99 times, false');
});

test('a transaction has to be quicker than with the quickest peer', () => {
  const scenario = SUITES.promises().find(({ sessions }) => sessions === 1);
  assert.ok(scenario !== undefined);
  const results = [
    { server: 'Posthouse', runs: [run({ p50: 1, p99: 6 })] },
    { server: 'Exim', runs: [run({ p50: 3, p99: 4 })] },
    { server: 'Postfix', runs: [run({ p50: 2, p99: 5 })] },
    { server: 'OpenSMTPD', runs: [run({ p50: 0.1, p99: 0.1 })] },
  ];
  const text = verdictTable(verdicts([{ scenario, results }], ['Postfix', 'Exim', 'Haraka']));
  assert.match(text, /p50 of a transaction .* \| 1\.00 ms, Postfix 2\.00 \| reached \|/);
  assert.match(text, /p99 of a transaction .* \| 6\.00 ms, Exim 4\.00 \| not reached \|/);
});

function run(figures: Partial<Measurement>): Measurement {
  return { rate: 1000, cpu: 0.1, p50: 1, p99: 2, peakMemory: 100 * MIB, ...figures };
}
