import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommand } from '../../src/smtp/index.ts';

const BDAT_SYNTAX = { code: 501, status: '5.5.4', text: 'Syntax: BDAT size [LAST]' };

test('each command is read into its verb and arguments', () => {
  for (const [line, expected] of [
    ['EHLO mail.example.org', { verb: 'EHLO', domain: 'mail.example.org' }],
    ['helo localhost', { verb: 'HELO', domain: 'localhost' }],
    ['LHLO my_host', { verb: 'LHLO', domain: 'my_host' }],
    ['EHLO [192.0.2.1]', { verb: 'EHLO', domain: '[192.0.2.1]' }],
    ['EHLO [IPv6:2001:db8::1]', { verb: 'EHLO', domain: '[IPv6:2001:db8::1]' }],
    ['EHLO 192.0.2.1', { verb: 'EHLO', domain: '192.0.2.1' }],
    ['EHLO mail.example.org.', { verb: 'EHLO', domain: 'mail.example.org.' }],
    ['MAIL FROM:<a@b> SIZE=1', { verb: 'MAIL', argument: '<a@b> SIZE=1' }],
    ['mail from:<>', { verb: 'MAIL', argument: '<>' }],
    ['MAIL FROM: <a@b>', { verb: 'MAIL', argument: ' <a@b>' }],
    ['RCPT To:<jö@b>', { verb: 'RCPT', argument: '<jö@b>' }],
    ['DATA', { verb: 'DATA' }],
    ['data \t ', { verb: 'DATA' }],
    ['RSET', { verb: 'RSET' }],
    ['QUIT', { verb: 'QUIT' }],
    ['STARTTLS', { verb: 'STARTTLS' }],
    ['BDAT 0 LAST', { verb: 'BDAT', size: 0, last: true }],
    ['bdat 86 last', { verb: 'BDAT', size: 86, last: true }],
    ['BDAT 1000', { verb: 'BDAT', size: 1000, last: false }],
    ['BDAT 12 MORE', { verb: 'BDAT', size: 12, last: false, fault: BDAT_SYNTAX }],
    ['BDAT 12  LAST', { verb: 'BDAT', size: 12, last: false, fault: BDAT_SYNTAX }],
    ['BDAT 9007199254740991', { verb: 'BDAT', size: 9007199254740991, last: false }],
    ['BDAT 9007199254740992 LAST', { verb: 'BDAT', size: Infinity, last: false, fault: BDAT_SYNTAX }],
    [`BDAT ${'9'.repeat(400)}`, { verb: 'BDAT', size: Infinity, last: false, fault: BDAT_SYNTAX }],
    ['NOOP', { verb: 'NOOP', argument: '' }],
    ['NOOP whatever you say', { verb: 'NOOP', argument: 'whatever you say' }],
    ['HELP DATA', { verb: 'HELP', argument: 'DATA' }],
    ['VRFY jö', { verb: 'VRFY', argument: 'jö' }],
    ['EXPN list', { verb: 'EXPN', argument: 'list' }],
    ['AUTH plain', { verb: 'AUTH', mechanism: 'PLAIN' }],
    ['AUTH PLAIN =', { verb: 'AUTH', mechanism: 'PLAIN', initial: '=' }],
    ['AUTH SCRAM-SHA-256 biws', { verb: 'AUTH', mechanism: 'SCRAM-SHA-256', initial: 'biws' }],
    ['xclient ADDR=1.2.3.4', { verb: 'XCLIENT', argument: 'ADDR=1.2.3.4' }],
    ['XFORWARD', { verb: 'XFORWARD', argument: '' }],
    ['VRFY', { verb: 'VRFY', argument: '' }],
    ['EXPN ', { verb: 'EXPN', argument: '' }],
    ['BDAT 4 L\u0001ST', { verb: 'BDAT', size: 4, last: false, fault: BDAT_SYNTAX }],
    ['BDAT 4 LÄST', { verb: 'BDAT', size: 4, last: false, fault: BDAT_SYNTAX }],
    ['XEXCH50 1 2', { verb: 'unknown', word: 'XEXCH50' }],
    ['', { verb: 'unknown', word: '' }],
    [' DATA', { verb: 'unknown', word: '' }],
    ['constructor', { verb: 'unknown', word: 'constructor' }],
    ['Subject: hello', { verb: 'unknown', word: 'Subject:' }],
  ] as const) {
    assert.deepEqual(parseCommand(line), expected, line);
  }
});

test('what is wrong with a command has the code that the RFC names', () => {
  for (const [code, lines] of [
    [
      '501 5.5.4',
      [
        'EHLO',
        'EHLO ',
        'EHLO a b',
        'EHLO a..b',
        'EHLO .',
        'EHLO a,b',
        'EHLO [1.2.3.4',
        'EHLO [nonsense]',
        'EHLO  x',
        `EHLO ${'a'.repeat(64)}`,
        'DATA now',
        'RSET x',
        'QUIT x',
        'STARTTLS x',
        'BDAT',
        'BDAT -1',
        'BDAT 1e3',
        'BDAT LAST',
        'AUTH',
        'AUTH PLAIN a b',
        'AUTH PL@IN',
        `AUTH ${'A'.repeat(21)}`,
        'EHLO a\0b',
        'MAIL FROM:<a@b>\u007f',
        'RCPT TO:<a\tb@c>',
        'NOOP \u001b[2J',
        'EHLO bücher.example',
        'NOOP ö',
        'MAIL FROM:<\u0085@b>',
        'DATA \0',
      ],
    ],
    [
      '501 5.5.2',
      [
        'MAIL',
        'MAIL <a@b>',
        'MAIL FROM :<a@b>',
        'MAIL  FROM:<a@b>',
        'MAIL TO:<a@b>',
        'RCPT FROM:<a@b>',
        'RCPT TO',
      ],
    ],
    ['500 5.5.2', ['ÖHLO x', '\tDATA', 'NOOP\tx', 'WIZ \u001b[2J', 'XEXCH50 ö']],
  ] as const) {
    for (const line of lines) {
      const command = parseCommand(line);
      assert.ok(command.verb === 'fault', JSON.stringify(line));
      assert.equal(`${command.fault.code} ${command.fault.status}`, code, JSON.stringify(line));
    }
  }
});

test('no line makes the command parser throw', () => {
  const verbs = fc.constantFrom('EHLO ', 'MAIL FROM:', 'RCPT TO:', 'BDAT ', 'AUTH ', 'NOOP ', '');
  fc.assert(
    fc.property(verbs, fc.string({ unit: 'binary' }), (verb, rest) => {
      parseCommand(verb + rest);
    }),
    { numRuns: 2000 },
  );
});
