import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundedOptions } from '../../src/cli/young-heap.ts';

describe('the bound on the young heap', () => {
  it('comes behind the options that Node was given', () => {
    assert.deepEqual(boundedOptions([], ''), ['--max-semi-space-size=16']);
    assert.deepEqual(boundedOptions(['--enable-source-maps'], '--max-old-space-size=400'), [
      '--enable-source-maps',
      '--max-semi-space-size=16',
    ]);
  });

  it("leaves the operator's own alone, wherever and however it is written", () => {
    for (const option of ['--max-semi-space-size=4', '--max_semi_space_size=4', '--max-semi-space-size 4']) {
      assert.equal(boundedOptions(option.split(' '), ''), undefined, option);
      assert.equal(boundedOptions([], `--trace-warnings ${option}`), undefined, option);
    }
    assert.equal(boundedOptions([], '"--max-semi-space-size=64"'), undefined);
  });
});
