// The log as whoever reads standard output gets it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

const LINES = 2000;
const TEXT = 'Grüße aus 郵便局 📮';

/** Standard output of a process that logs LINES lines and then does this. */
function logged(then: string): string {
  const module = new URL('../../src/server/logging.js', import.meta.url).href;
  const program = `
    import { openLog } from ${JSON.stringify(module)};
    const { logger, flush } = openLog({ level: 'info' });
    for (let line = 0; line < ${LINES}; line++) logger.info({ line, subject: ${JSON.stringify(TEXT)} }, 'said');
    ${then}`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(status, 0);
  return stdout;
}

function assertWhole(output: string): void {
  const lines = output.trimEnd().split('\n');
  assert.equal(lines.length, LINES);
  lines.forEach((text, index) => {
    const { line, subject, msg } = JSON.parse(text) as { line: number; subject: string; msg: string };
    assert.deepEqual({ line, subject, msg }, { line: index, subject: TEXT, msg: 'said' });
  });
}

describe('the log', () => {
  it('writes every line whole and in order, whatever the length of its characters', () => {
    assertWhole(logged('flush();'));
  });

  it('loses no line where the process ends without a flush', () => {
    assertWhole(logged(''));
    assertWhole(logged('process.exit();'));
  });
});
