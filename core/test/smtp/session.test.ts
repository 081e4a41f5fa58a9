import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../src/smtp/index.ts';
import { ACCEPT, Client } from './session-driver.ts';

const GREETED = ['EHLO client.example'];
const SENDER = [...GREETED, 'MAIL FROM:<a@client.example>'];
const RECIPIENT = [...SENDER, 'RCPT TO:<b@ours.example>'];
const STATES = { connected: [], greeted: GREETED, sender: SENDER, recipient: RECIPIENT } as const;
type State = keyof typeof STATES;

function inState(state: State, options = {}, answering: () => Answer = () => ACCEPT): Client {
  const client = new Client(options, answering);
  for (const line of STATES[state]) client.send(`${line}\r\n`);
  client.heard();
  return client;
}

/** The code and status that begin the reply to a command, state by state. */
const TABLE: readonly (readonly [command: string, replies: Readonly<Record<State, string>>])[] = [
  [
    'EHLO again.example',
    { connected: '250-house', greeted: '250-house', sender: '250-house', recipient: '250-house' },
  ],
  [
    'HELO again.example',
    { connected: '250 house', greeted: '250 house', sender: '250 house', recipient: '250 house' },
  ],
  ['EHLO', { connected: '501 5.5.4', greeted: '501 5.5.4', sender: '501 5.5.4', recipient: '501 5.5.4' }],
  [
    'MAIL FROM:<>',
    { connected: '503 5.5.1', greeted: '250 2.1.0', sender: '503 5.5.1', recipient: '503 5.5.1' },
  ],
  [
    'MAIL FROM: <a@b.example>',
    { connected: '503 5.5.1', greeted: '501 5.5.2', sender: '503 5.5.1', recipient: '503 5.5.1' },
  ],
  [
    'MAIL TO:<a@b.example>',
    { connected: '501 5.5.2', greeted: '501 5.5.2', sender: '501 5.5.2', recipient: '501 5.5.2' },
  ],
  [
    'MAIL FROM:<a@b.example> X=1',
    { connected: '503 5.5.1', greeted: '555 5.5.4', sender: '503 5.5.1', recipient: '503 5.5.1' },
  ],
  [
    'MAIL FROM:<a@b.example> SIZE=10001',
    { connected: '503 5.5.1', greeted: '552 5.3.4', sender: '503 5.5.1', recipient: '503 5.5.1' },
  ],
  [
    'MAIL FROM:<a..b@c.example>',
    { connected: '503 5.5.1', greeted: '501 5.1.7', sender: '503 5.5.1', recipient: '503 5.5.1' },
  ],
  [
    'RCPT TO:<c@ours.example>',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '250 2.1.5', recipient: '250 2.1.5' },
  ],
  [
    'RCPT TO:<postmaster>',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '250 2.1.5', recipient: '250 2.1.5' },
  ],
  [
    'RCPT TO:<>',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '501 5.1.3', recipient: '501 5.1.3' },
  ],
  [
    'RCPT TO:<c@ours.example> X=1',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '555 5.5.4', recipient: '555 5.5.4' },
  ],
  ['DATA', { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '554 5.5.1', recipient: '354 Start' }],
  ['DATA now', { connected: '501 5.5.4', greeted: '501 5.5.4', sender: '501 5.5.4', recipient: '501 5.5.4' }],
  ['RSET', { connected: '250 2.0.0', greeted: '250 2.0.0', sender: '250 2.0.0', recipient: '250 2.0.0' }],
  ['NOOP', { connected: '250 2.0.0', greeted: '250 2.0.0', sender: '250 2.0.0', recipient: '250 2.0.0' }],
  [
    'NOOP with words',
    { connected: '250 2.0.0', greeted: '250 2.0.0', sender: '250 2.0.0', recipient: '250 2.0.0' },
  ],
  [
    'VRFY someone',
    { connected: '252 2.5.0', greeted: '252 2.5.0', sender: '252 2.5.0', recipient: '252 2.5.0' },
  ],
  ['VRFY', { connected: '501 5.5.4', greeted: '501 5.5.4', sender: '501 5.5.4', recipient: '501 5.5.4' }],
  [
    'EXPN list',
    { connected: '502 5.5.1', greeted: '502 5.5.1', sender: '502 5.5.1', recipient: '502 5.5.1' },
  ],
  [
    'BDAT 0 LAST',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '503 5.5.1', recipient: '250 2.0.0' },
  ],
  [
    'BDAT 0 MORE',
    { connected: '503 5.5.1', greeted: '503 5.5.1', sender: '503 5.5.1', recipient: '501 5.5.4' },
  ],
  ['BDAT x', { connected: '501 5.5.4', greeted: '501 5.5.4', sender: '501 5.5.4', recipient: '501 5.5.4' }],
  [
    'AUTH PLAIN',
    { connected: '502 5.5.1', greeted: '502 5.5.1', sender: '502 5.5.1', recipient: '502 5.5.1' },
  ],
  ['STARTTLS', { connected: '502 5.5.1', greeted: '502 5.5.1', sender: '502 5.5.1', recipient: '502 5.5.1' }],
  ['HELP', { connected: '214-2.0.0', greeted: '214-2.0.0', sender: '214-2.0.0', recipient: '214-2.0.0' }],
  [
    'LHLO client.example',
    { connected: '500 5.5.1', greeted: '500 5.5.1', sender: '500 5.5.1', recipient: '500 5.5.1' },
  ],
  ['WIZ', { connected: '500 5.5.1', greeted: '500 5.5.1', sender: '500 5.5.1', recipient: '500 5.5.1' }],
  ['', { connected: '500 5.5.1', greeted: '500 5.5.1', sender: '500 5.5.1', recipient: '500 5.5.1' }],
  ['NO\0OP', { connected: '500 5.5.2', greeted: '500 5.5.2', sender: '500 5.5.2', recipient: '500 5.5.2' }],
  ['NO\rOP', { connected: '500 5.5.2', greeted: '500 5.5.2', sender: '500 5.5.2', recipient: '500 5.5.2' }],
  ['NOOP\xff', { connected: '500 5.5.2', greeted: '500 5.5.2', sender: '500 5.5.2', recipient: '500 5.5.2' }],
  ['QUIT', { connected: '221 2.0.0', greeted: '221 2.0.0', sender: '221 2.0.0', recipient: '221 2.0.0' }],
];

for (const [command, replies] of TABLE) {
  test(`${JSON.stringify(command)} has its reply in each state`, () => {
    for (const [state, expected] of Object.entries(replies) as [State, string][]) {
      const heard = inState(state).send(`${command}\r\n`).replies();
      assert.equal(heard.length, 1, `${state}: one reply`);
      assert.ok(heard[0]?.startsWith(expected), `${state}: expected ${expected}, heard ${heard[0]}`);
    }
  });
}

test('a whole dialogue, one message, step by step', () => {
  const client = new Client();
  client.send('HELO client.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n');
  client.send('Subject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n');
  assert.deepEqual(client.heard(), [
    'ask {"hook":"on-connect"}',
    'S: 220 house.example ESMTP Posthouse',
    'S: 250 house.example',
    'ask {"hook":"on-mail-from","sender":"a@x.example","parameters":{}}',
    'S: 250 2.1.0 Sender ok',
    'ask {"hook":"on-rcpt","recipient":"b@y.example","parameters":{}}',
    'S: 250 2.1.5 Recipient ok',
    'S: 354 Start mail input; end with <CRLF>.<CRLF>',
    'body "Subject: hi\\r\\n\\r\\n.dot\\r\\n"',
    'ask {"hook":"on-data","size":21}',
    'S: 250 2.0.0 Ok',
    'reset',
    'S: 221 2.0.0 house.example closing the connection',
    'close: quit',
  ]);
});

test('EHLO and RSET end the transaction, NOOP, VRFY and a wrong command do not', () => {
  for (const command of ['EHLO again.example', 'HELO again.example', 'RSET']) {
    const client = inState('recipient').send(`${command}\r\n`);
    assert.ok(client.heard().includes('reset'), command);
    assert.match(client.send('RCPT TO:<c@ours.example>\r\n').replies()[0] ?? '', /^503 /, command);
  }
  for (const command of ['NOOP', 'VRFY x', 'HELP', 'WIZ', 'EHLO', 'DATA x']) {
    const client = inState('recipient').send(`${command}\r\n`);
    assert.ok(!client.heard().includes('reset'), command);
    assert.match(client.send('DATA\r\n').replies()[0] ?? '', /^354 /, command);
  }
});

const VETOES: readonly (readonly [Answer, string])[] = [
  [{ kind: 'reject', status: '5.7.1', text: 'No' }, '550 5.7.1 No'],
  [{ kind: 'reject', status: '5.3.4', text: 'Big' }, '552 5.3.4 Big'],
  [{ kind: 'reject', status: '5.6.0', text: 'Odd' }, '554 5.6.0 Odd'],
  [{ kind: 'reject', status: '5.7.1', text: 'No', code: 554 }, '554 5.7.1 No'],
  [{ kind: 'defer', status: '4.3.0', text: 'Later' }, '451 4.3.0 Later'],
  [{ kind: 'defer', status: '4.2.0', text: 'Later' }, '450 4.2.0 Later'],
  [{ kind: 'defer', status: '4.3.1', text: 'Full' }, '452 4.3.1 Full'],
  [{ kind: 'disconnect', text: 'Go' }, '421 4.7.0 Go'],
];

test('a veto at MAIL, RCPT or the end of data is the reply of its status, or of its own code', () => {
  for (const [veto, expected] of VETOES) {
    for (const hook of ['on-mail-from', 'on-rcpt', 'on-data'] as const) {
      const client = new Client({}, (question) => (question.hook === hook ? veto : ACCEPT));
      for (const line of RECIPIENT) client.send(`${line}\r\n`);
      if (hook === 'on-data') client.send('DATA\r\nHi\r\n.\r\n');
      assert.ok(client.replies().includes(expected), `${hook}: ${expected}`);
      if (veto.kind === 'disconnect') assert.deepEqual(client.send('NOOP\r\n').heard(), []);
    }
  }
});

test('text of an answer cannot end its reply', () => {
  const veto: Answer = { kind: 'reject', status: '5.7.1', text: 'No\r\n250 2.1.0 Yes' };
  const client = new Client({}, ({ hook }) => (hook === 'on-mail-from' ? veto : ACCEPT));
  client.send('EHLO x.example\r\n').heard();
  assert.deepEqual(client.send('MAIL FROM:<>\r\n').replies(), ['550 5.7.1 No\\x{0D}\\x{0A}250 2.1.0 Yes']);
});

test('a veto before the banner is 554, and then only QUIT is served', () => {
  const client = new Client({}, () => ({ kind: 'reject', status: '5.7.1', text: 'Not you' }));
  client.send('EHLO x.example\r\nMAIL FROM:<>\r\nQUIT\r\n');
  assert.deepEqual(client.replies(), [
    '554 5.7.1 Not you',
    '503 5.5.1 No service here; send QUIT',
    '503 5.5.1 No service here; send QUIT',
    '221 2.0.0 house.example closing the connection',
  ]);
});

test('a deferral before the banner is 421 and closes', () => {
  const client = new Client({}, () => ({ kind: 'defer', status: '4.7.0', text: 'Later' }));
  assert.deepEqual(client.heard().slice(1), ['S: 421 4.7.0 Later', 'close: Later']);
});

test('what is pipelined behind an open question waits for the answer', () => {
  const client = new Client({}, () => ACCEPT, 'late');
  client.settle().heard();
  client.send('EHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\n');
  assert.deepEqual(client.heard().slice(1), ['ask {"hook":"on-mail-from","sender":null,"parameters":{}}']);
  assert.ok(client.session.waiting);
  assert.equal(client.session.buffered, 'RCPT TO:<b@y.example>\r\n'.length);
});

test('an answer without a question changes nothing', () => {
  const client = new Client();
  assert.deepEqual(client.session.answer(ACCEPT), []);
});

test('one recipient more than the limit is 452, and the others stand', () => {
  const client = inState('sender', { recipients: 2 });
  client.send('RCPT TO:<a@y.example>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\n');
  assert.deepEqual(
    client.replies().map((reply) => reply.slice(0, 9)),
    ['250 2.1.5', '250 2.1.5', '452 4.5.3', '354 Start'],
  );
});

test('a refused recipient counts for nothing', () => {
  const client = new Client({}, ({ hook }) =>
    hook === 'on-rcpt' ? { kind: 'reject', status: '5.1.1', text: 'No' } : ACCEPT,
  );
  for (const line of [...RECIPIENT, 'DATA']) client.send(`${line}\r\n`);
  assert.equal(client.replies().at(-1), '554 5.5.1 No valid recipients');
});

test('a message beyond the size is dropped when it passes the limit and refused at its end', () => {
  const client = inState('recipient', { messageSize: 10 });
  client.send('DATA\r\n0123456\r\n').heard();
  assert.deepEqual(client.send('9\r\n').heard(), ['drop-body']);
  assert.deepEqual(client.send('more\r\n.\r\n').heard(), [
    'S: 552 5.3.4 Message exceeds the size limit',
    'reset',
  ]);
  assert.deepEqual(client.send('MAIL FROM:<>\r\n').replies(), ['250 2.1.0 Sender ok']);
});

test('a message of exactly the size is taken', () => {
  const client = inState('recipient', { messageSize: 10 });
  assert.match(client.send('DATA\r\n01234567\r\n.\r\n').replies().at(-1) ?? '', /^250 /);
});

const LINE_ENDS: readonly (readonly [body: string, reply: RegExp])[] = [
  ['a\nb\r\n.\r\n', /^554 5\.6\.0 .*bare LF/],
  ['a\rb\r\n.\r\n', /^554 5\.6\.0 .*bare CR/],
  ['a\0b\r\n.\r\n', /^554 5\.6\.0 .*NUL/],
  ['a\n.\nb\r\n.\r\n', /^554 /],
  ['a\r\n.\nb\r\n.\r\n', /^554 /],
  ['a\n.\r\nb\r\n.\r\n', /^554 /],
  ['a\r.\r\nb\r\n.\r\n', /^554 /],
];

test('a body with a line end that is none is refused, and only CRLF.CRLF ends it', () => {
  for (const [body, expected] of LINE_ENDS) {
    const replies = inState('recipient').send(`DATA\r\n${body}NOOP\r\n`).replies();
    assert.match(replies[1] ?? '', expected, JSON.stringify(body));
    assert.match(replies[2] ?? '', /^250 2\.0\.0/, 'the next command is the one behind the end of data');
  }
});

test('with the policy `normalise` bare line ends become CRLF', () => {
  const client = inState('recipient', { body: { bareLf: 'normalise', bareCr: 'normalise', nul: 'accept' } });
  client.send('DATA\r\n').heard();
  assert.equal(client.send('a\nb\rc\r\n.\r\n').heard()[0], 'body "a\\r\\nb\\r\\nc\\r\\n"');
});

test('too many bad commands end the connection with 421', () => {
  const client = inState('greeted', { badCommands: 3 });
  const heard = client.send('WIZ\r\nWIZ\r\nWIZ\r\nWIZ\r\nNOOP\r\n').heard();
  assert.deepEqual(heard.slice(-2), ['S: 421 4.7.0 Too many bad commands', 'close: too many bad commands']);
  assert.equal(heard.length, 6);
});

test('an accepted message forgives earlier bad commands', () => {
  const client = inState('recipient', { badCommands: 3 });
  client.send('WIZ\r\nWIZ\r\nWIZ\r\nDATA\r\n.\r\nWIZ\r\nWIZ\r\nWIZ\r\n');
  assert.ok(!client.replies().some((reply) => reply.startsWith('421')));
});

test('STARTTLS is answered, and nothing is heard until TLS is up', () => {
  const client = inState('recipient', { tls: 'offered' });
  assert.deepEqual(client.send('STARTTLS\r\n').heard(), [
    'reset',
    'S: 220 2.0.0 Ready to start TLS',
    'start-tls',
  ]);
  assert.deepEqual(client.send('NOOP\r\n').heard(), []);
});

test('input pipelined behind STARTTLS is refused, whole or in part, and the connection closed', () => {
  for (const rest of ['NOOP\r\n', 'E', '\r']) {
    const heard = inState('greeted', { tls: 'offered' }).send(`STARTTLS\r\n${rest}`).heard();
    assert.deepEqual(heard, [
      'S: 501 5.5.4 Nothing may follow STARTTLS before the handshake',
      'close: plaintext after STARTTLS',
    ]);
  }
});

test('once TLS is up all that was heard before is forgotten, and STARTTLS is neither offered nor taken', () => {
  const client = inState('recipient', { tls: 'offered' });
  client.send('STARTTLS\r\n').do(client.session.secured()).heard();
  assert.equal(client.session.helo, undefined);
  assert.equal(client.session.esmtp, false);
  assert.match(client.send('MAIL FROM:<>\r\n').replies()[0] ?? '', /^503 .*EHLO/);
  assert.ok(!client.send('EHLO x.example\r\n').replies()[0]?.includes('STARTTLS'));
  assert.match(client.send('STARTTLS\r\n').replies()[0] ?? '', /^503 /);
  assert.match(client.send('RCPT TO:<b@y.example>\r\n').replies()[0] ?? '', /^503 /);
});

test('REQUIRETLS is offered and taken only once TLS is up (RFC 8689 §2)', () => {
  const client = inState('greeted', { tls: 'offered' });
  assert.ok(!client.send('EHLO x.example\r\n').replies()[0]?.includes('REQUIRETLS'));
  assert.match(client.send('MAIL FROM:<a@x.example> REQUIRETLS\r\n').replies()[0] ?? '', /^555 /);
  client.send('STARTTLS\r\n').do(client.session.secured()).heard();
  assert.ok(client.send('EHLO x.example\r\n').replies()[0]?.includes('REQUIRETLS'));
  assert.match(client.send('MAIL FROM:<a@x.example> REQUIRETLS=1\r\n').replies()[0] ?? '', /^501 /);
  assert.match(client.send('MAIL FROM:<a@x.example> REQUIRETLS\r\n').replies()[0] ?? '', /^250 /);
});

test('STARTTLS is offered exactly where it can be had', () => {
  for (const [tls, offered] of [
    ['none', false],
    ['offered', true],
    ['active', false],
  ] as const) {
    const [reply] = new Client({ tls }).send('EHLO x.example\r\n').replies().slice(1);
    assert.equal(reply?.includes('STARTTLS'), offered, tls);
  }
});

test('a client that half-closes still gets all its answers', () => {
  const client = new Client({}, () => ACCEPT, 'late');
  client.settle();
  client.send('EHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nDATA\r\nHi\r\n.\r\nNOOP\r\n');
  client.do(client.session.inputEnded()).settle();
  const heard = client.heard();
  assert.deepEqual(heard.slice(-4), ['S: 250 2.0.0 Ok', 'reset', 'S: 250 2.0.0 Ok', 'close: client left']);
});

test('a client that leaves in mid-message leaves no question', () => {
  const client = inState('recipient').send('DATA\r\nHi\r\n');
  client.heard();
  assert.deepEqual(client.do(client.session.inputEnded()).heard(), ['close: client left']);
});

test('end() says 421 and closes, once, whatever is open', () => {
  const client = new Client({}, () => ACCEPT, 'late');
  client.settle();
  client.send('EHLO x.example\r\nMAIL FROM:<>\r\n').heard();
  client.do(client.session.end('4.3.2', 'Going down'));
  assert.deepEqual(client.heard(), ['S: 421 4.3.2 Going down', 'close: Going down']);
  assert.equal(client.session.waiting, false);
  assert.deepEqual(client.session.end('4.3.2', 'Going down'), []);
  assert.deepEqual(client.session.answer(ACCEPT), []);
  assert.deepEqual(client.session.receive(new Uint8Array([10])), []);
});

test('end() is silent in a handshake', () => {
  const client = inState('greeted', { tls: 'offered' }).send('STARTTLS\r\n');
  client.heard();
  assert.deepEqual(client.do(client.session.end('4.4.2', 'Too slow')).heard(), ['close: Too slow']);
});
