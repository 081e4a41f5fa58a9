// check-clamd with a real clamd, whose only signature is one of the test's own.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import checkClamd from '@posthouse/check-clamd';
import { mount } from '@posthouse/core/testing';
import { Daemon } from '../support/daemon.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';

const folder = new TemporaryFolder('interop-clamd');
const missing = missingProgram('clamd', '--version');
const socket = folder.join('clamd.ctl');
let clamd: Daemon | undefined;

const EVIL = 'a posthouse horse of a different colour';

before(async () => {
  if (missing !== undefined) return;
  writeFileSync(folder.join('own.ndb'), `Posthouse.Test:0:*:${Buffer.from(EVIL).toString('hex')}\n`);
  const settings = [
    `DatabaseDirectory ${folder.path}`,
    `LocalSocket ${socket}`,
    'Foreground yes',
    'StreamMaxLength 1M',
    'MaxThreads 2',
  ];
  writeFileSync(folder.join('clamd.conf'), `${settings.join('\n')}\n`);
  clamd = await Daemon.start('clamd', ['-c', folder.join('clamd.conf')], { path: socket });
});

after(async () => {
  await clamd?.stop();
  folder.remove();
});

const attachment = (content: string) =>
  [
    'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n',
    'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n',
    `${Buffer.from(content).toString('base64')}\r\n--b--\r\n`,
  ].join('');

const table: readonly (readonly [what: string, message: string, kind: string])[] = [
  ['an ordinary message passes', 'Subject: x\r\n\r\nHello\r\n', 'continue'],
  ['a virus is refused', `Subject: x\r\n\r\n${EVIL}\r\n`, 'reject'],
  ['so is one in an encoded attachment', attachment(`${EVIL}\n`), 'reject'],
  ['an ordinary attachment passes', attachment('hello\n'), 'continue'],
  [
    'a message beyond StreamMaxLength is as large as we say',
    `Subject: x\r\n\r\n${'y'.repeat(78)}\r\n`.repeat(40_000),
    'defer',
  ],
];
for (const [what, message, kind] of table) {
  test(what, async (t) => {
    if (lacks(t, missing)) return;
    await using plugin = await mount(checkClamd({ servers: [socket], tooLarge: 'defer' }));
    const answer = await plugin.ask('on-data', { message });
    assert.equal(answer.kind, kind, JSON.stringify({ answer, log: plugin.log.lines }));
    if (kind === 'reject' && 'reason' in answer)
      assert.equal(answer.reason, 'clamd.Posthouse.Test.UNOFFICIAL');
    if (kind === 'defer' && 'reason' in answer) assert.equal(answer.reason, 'clamd.too-large');
  });
}

test('many messages at a time are all looked at', async (t) => {
  if (lacks(t, missing)) return;
  await using plugin = await mount(checkClamd({ servers: [socket], scans: 2 }));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      plugin.ask('on-data', { message: `Subject: x\r\n\r\n${index % 2 === 0 ? EVIL : 'hello'}\r\n` }),
    ),
  );
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    answers.map((_, index) => (index % 2 === 0 ? 'reject' : 'continue')),
  );
});
