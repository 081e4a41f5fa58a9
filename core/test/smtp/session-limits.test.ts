// What a session does at each of its limits: the last that is allowed passes, the next is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, SessionOptions } from '../../src/smtp/index.ts';
import { ACCEPT, Client } from './session-driver.ts';

const MAIL = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n';

function greeted(options: Partial<SessionOptions>, answering?: () => Answer): Client {
  const client = new Client(options, answering).send('EHLO client.example\r\n');
  client.heard();
  return client;
}

test('commands that bring no mail are counted until a message comes', () => {
  const FLOODS = ['RSET', 'NOOP', 'HELP', 'VRFY x', 'EHLO again.example', 'MAIL FROM:<>\r\nRSET'];
  for (const command of FLOODS) {
    const client = greeted({ commandsWithoutMail: 5 });
    const replies = client.send(`${command}\r\n`.repeat(10_000)).heard();
    assert.deepEqual(replies.slice(-2), [
      'S: 421 4.7.0 Too many commands without mail',
      'close: too many commands without mail',
    ]);
    assert.equal(replies.filter((line) => /^S: (250|214|252)[ -](?!2\.1\.0)/.test(line)).length, 5, command);
  }
  const client = greeted({ commandsWithoutMail: 5 });
  for (let round = 0; round < 20; round++) {
    client.send('RSET\r\nNOOP\r\nNOOP\r\n').send(MAIL).send('Hello\r\n.\r\n');
  }
  assert.ok(!client.heard().some((line) => line.startsWith('S: 4') || line.startsWith('close')));
});

test('recipients that plugins refuse are counted as commands without mail', () => {
  let asked = 0;
  const reject: Answer = { kind: 'reject', status: '5.1.1', text: 'No such user' };
  const client = greeted({ commandsWithoutMail: 5 }, () => (asked++ < 2 ? ACCEPT : reject));
  const replies = client.send('MAIL FROM:<>\r\n').send('RCPT TO:<x@y.example>\r\n'.repeat(9)).replies();
  assert.equal(replies.filter((reply) => reply.startsWith('550 5.1.1')).length, 5);
  assert.equal(replies.at(-1), '421 4.7.0 Too many commands without mail');
});

test('the transactions of a session are counted, whatever becomes of them', () => {
  const client = greeted({ messagesPerSession: 2 });
  client.send(MAIL).send('Hello\r\n.\r\nMAIL FROM:<>\r\nRSET\r\n').heard();
  assert.deepEqual(client.send('MAIL FROM:<>\r\n').heard(), [
    'S: 421 4.7.0 Too many messages in one session',
    'close: too many messages in one session',
  ]);
});

test('a client without AUTH may send so many octets in all; the message under way ends first', () => {
  const client = greeted({ unauthenticatedBytes: 200 });
  client.send(MAIL).send(`${'x'.repeat(300)}\r\n.\r\n`);
  assert.equal(client.replies().at(-1), '250 2.0.0 Ok');
  assert.deepEqual(client.send('NOOP\r\n').replies(), ['421 4.7.0 Too much was sent without authentication']);
});

test('a text line at the limit passes whole, one octet more is refused, however it is cut', () => {
  const LONG = 'S: 554 5.6.0 Message has a line beyond the length limit';
  for (const body of [
    { bareLf: 'refuse', bareCr: 'refuse', nul: 'refuse' },
    { bareLf: 'normalise', bareCr: 'normalise', nul: 'refuse' },
  ] as const) {
    for (const [octets, expected] of [
      [1000, `body ${JSON.stringify(`${'x'.repeat(998)}\r\n`)}`],
      [1001, LONG],
    ] as const) {
      for (const chunk of [1, 7, 999, 1000, 2000]) {
        const client = greeted({ textLine: 1000, body });
        client.send(MAIL).heard();
        const text = `${'x'.repeat(octets - 2)}\r\n.\r\n`;
        for (let at = 0; at < text.length; at += chunk) client.send(text.slice(at, at + chunk));
        assert.ok(client.heard().includes(expected), `${octets} octets in chunks of ${chunk}`);
      }
    }
  }
});

test('where line ends are made CRLF, the lines that come of it are measured', () => {
  const client = greeted({
    textLine: 1000,
    body: { bareLf: 'normalise', bareCr: 'normalise', nul: 'refuse' },
  });
  client.send(MAIL).heard();
  client.send(`${`${'x'.repeat(500)}\n`.repeat(8)}\r\n.\r\n`);
  assert.equal(client.replies().at(-1), '250 2.0.0 Ok');
});

test('a client that sends before the banner is noticed, and answered behind it', () => {
  const early = new Client({}, undefined, 'late').send('EHLO client.example\r\n');
  assert.equal(early.session.earlyTalker, true);
  assert.match(early.settle().replies().join('\n'), /^220 .*\n250-/s);

  const polite = new Client().send('EHLO client.example\r\n');
  assert.equal(polite.session.earlyTalker, false);
  assert.match(polite.replies().join('\n'), /^220 .*\n250-/s);
});
