// The contract of the plugins fails where one breaks it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BAD = fileURLToPath(new URL('./bad-plugins.js', import.meta.url));

test('each promise of the contract is broken by a plugin that is made to break it, and no other', () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = spawnSync(
    process.execPath,
    ['--test', '--test-force-exit', '--test-reporter=tap', BAD],
    {
      encoding: 'utf8',
      env,
    },
  );
  const broken = [...stdout.matchAll(/^ *not ok \d+ - ([\w-]+: .*)$/gm)].map(([, sentence]) => sentence);
  assert.deepEqual(broken, [
    'namelike: its name is role-subject',
    'bad-config: every key of its configuration says what it means',
    'bad-config: it describes itself in one line',
    'bad-keys: a key that its configuration does not know is refused',
    'bad-shape: what its set-up returns is what a plugin has',
    'bad-order: set up again, it has the same hooks in the same order, observers and services',
    'bad-setup: setting it up touches nothing: no timer, socket or file before its start',
    'bad-setup: stopped, it leaves nothing behind, and can be started again',
    'bad-stop: stopped, it leaves nothing behind, and can be started again',
    'bad-answers: stopped, it leaves nothing behind, and can be started again',
    'bad-answers: every question has an answer that its hook may give, in time',
    'bad-answers: the same questions have the same answers',
    'bad-memory: the same questions have the same answers',
    'bad-patience: asked to give up, it ends',
  ]);
});
