// Clients that go away, or close their side, at each step of a dialogue: the server answers who still listens, forgets the
// others, and keeps nothing of a message that was not whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { untilQueueIsEmpty } from '../support/control.ts';
import { CONTROL, DOMAIN, durableHouse, MAIL } from '../support/durable-house.ts';
import { messagesIn } from '../support/ledger.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { expectCode, SmtpClient } from '../support/smtp-client.ts';

const ENVELOPE = `EHLO x.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<box1@${DOMAIN}>\r\n`;

/** What has been said when the client ends, and the replies that one who only closed his side still gets. */
const STEPS: readonly (readonly [what: string, said: string, codes: readonly number[]])[] = [
  ['before a word', '', [220]],
  ['in the middle of EHLO', 'EHLO x.exa', [220]],
  ['after EHLO', 'EHLO x.example\r\n', [220, 250]],
  ['between CR and LF', 'EHLO x.example\r\nMAIL FROM:<>\r', [220, 250]],
  ['after MAIL', 'EHLO x.example\r\nMAIL FROM:<>\r\n', [220, 250, 250]],
  ['after RCPT', ENVELOPE, [220, 250, 250, 250]],
  ['after DATA', `${ENVELOPE}DATA\r\n`, [220, 250, 250, 250, 354]],
  ['in the header section', `${ENVELOPE}DATA\r\nSubject: x`, [220, 250, 250, 250, 354]],
  ['in the body', `${ENVELOPE}DATA\r\nSubject: x\r\n\r\nHello\r\n`, [220, 250, 250, 250, 354]],
  ['in the end of data', `${ENVELOPE}DATA\r\nSubject: x\r\n\r\nHello\r\n.\r`, [220, 250, 250, 250, 354]],
  [
    'after a refused recipient',
    'HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@elsewhere.example>\r\n',
    [220, 250, 250, 550],
  ],
  ['after RSET', `${ENVELOPE}RSET\r\n`, [220, 250, 250, 250, 250]],
  ['after QUIT', 'QUIT\r\n', [220, 221]],
];
const TIMES = 20;

test('clients that close their side or reset at any step leave nothing behind', async (t) => {
  using folder = new TemporaryFolder('posthouse-abrupt');
  await using server = await ServerProcess.start(folder.path, durableHouse());
  for (const [what, said, codes] of STEPS) {
    for (let time = 0; time < TIMES; time += 1) {
      const half = await SmtpClient.open(server.port);
      half.socket.end(said);
      for (const code of codes) assert.equal((await half.reply()).code, code, `half-closed ${what}`);
      await assert.rejects(half.reply(), /closed/, `half-closed ${what}: nothing more is said`);
      half.destroy();

      const reset = await SmtpClient.open(server.port);
      reset.push(said);
      // At different moments: with the words in flight, half answered, or answered.
      if (time % 3 === 1) await reset.reply();
      if (time % 3 === 2) await wait(5);
      reset.socket.resetAndDestroy();
    }
  }
  const whole = await SmtpClient.open(server.port);
  whole.socket.end(`${ENVELOPE}DATA\r\nSubject: whole\r\n\r\nHello\r\n.\r\n`);
  for (const code of [220, 250, 250, 250, 354, 250]) assert.equal((await whole.reply()).code, code);

  const other = await SmtpClient.greet(server.port);
  const envelope = { sender: 'good@client.example', recipients: [`box1@${DOMAIN}`] };
  expectCode(await other.send(envelope, 'Subject: still here\r\n\r\nfine\r\n'), 250);
  await other.quit();
  await untilQueueIsEmpty(folder.join(CONTROL));
  await server.stop();
  const opened = server.log.filter(({ msg }) => msg === 'connection-closed').length;
  t.diagnostic(`${opened} connections have come and gone`);
  assert.equal(opened, 2 * TIMES * STEPS.length + 2);
  assert.equal(messagesIn(folder.join(MAIL)).length, 2, 'the two that had their 250');
});
