// However the bytes of a dialogue are cut, the session takes the same steps; and no bytes at all make it throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Answer, EachAnswer, SessionOptions } from '../../src/smtp/index.ts';
import { cut, octets, sizes } from './bytes.ts';
import { ACCEPT, type Answering, Client, type Pace } from './session-driver.ts';

const LENIENT: Partial<SessionOptions> = {
  body: { bareLf: 'normalise', bareCr: 'normalise', nul: 'refuse' },
};
const SMALL: Partial<SessionOptions> = {
  messageSize: 24,
  commandLine: 40,
  recipients: 2,
  badCommands: 5,
  unauthenticatedBytes: 300,
  chunks: 3,
};

const BINARY: Partial<SessionOptions> = { binaryMime: true };
const LMTP: Partial<SessionOptions> = { protocol: 'lmtp' };
const TRUSTED: Partial<SessionOptions> = { xclient: 'offered' };

type OneOfEach = EachAnswer['answers'][number];
const NO: OneOfEach = { kind: 'reject', status: '5.7.1', text: 'No' };
const LATER: Answer = { kind: 'defer', status: '4.7.1', text: 'Later' };
const GO: Answer = { kind: 'disconnect', text: 'Go' };

/** Answers in turn, so that the same questions get the same answers whenever they are asked. */
function answers(list: readonly Answer[], lmtp: boolean): Answering {
  let turn = 0;
  let accepted = 0;
  const next = (): Answer => list[turn++ % list.length] ?? ACCEPT;
  return ({ hook }) => {
    const answer = next();
    if (hook === 'on-mail-from') accepted = 0;
    if (hook === 'on-rcpt' && answer.kind === 'accept') accepted += 1;
    // On LMTP every message has an answer for each recipient.
    if (hook !== 'on-data' || !lmtp || answer.kind === 'disconnect') return answer;
    const answers = Array.from({ length: accepted }, next);
    return { kind: 'each', answers: answers.map((each) => (each.kind === 'disconnect' ? NO : each)) };
  };
}

function steps(
  chunks: readonly Uint8Array[],
  options: Partial<SessionOptions>,
  list: readonly Answer[] = [ACCEPT],
  pace: Pace = 'at-once',
): string[] {
  const client = new Client(options, answers(list, options.protocol === 'lmtp'), pace);
  for (const chunk of chunks) client.send(chunk);
  client.settle();
  return client.do(client.session.inputEnded()).settle().heard();
}

const DIALOGUE = octets(
  [
    'EHLO client.example',
    'MAIL FROM:<a@x.example> SIZE=60',
    'RCPT TO:<"b c"@y.example>',
    'RCPT TO:<@hop.example:c@y.example>',
    'DATA',
    'Subject: one',
    '',
    '..stuffed',
    '.',
    'MAIL FROM:<>',
    'RCPT TO:<postmaster>',
    'DATA',
    '.',
    'WIZ',
    'MAIL FROM:<a@x.example>',
    'RCPT TO:<d@y.example>',
    'DATA',
    'bad \n line and \r and \0 end',
    '.',
    'MAIL FROM:<a@x.example>',
    'RCPT TO:<e@y.example>',
    'BDAT 14',
    'Subject: one\r',
    'BDAT 7',
    '\r\n.\r\nDABDAT 4 LAST',
    'TA\r',
    'MAIL FROM:<a@x.example> BODY=BINARYMIME',
    'RCPT TO:<e@y.example>',
    'BDAT 9',
    'a\n\0\r.\r\n',
    'BDAT 3 NOW',
    'x\r',
    'BDAT 2 LAST',
    '',
    'RSET',
    'QUIT',
    'NOOP',
    '',
  ].join('\r\n'),
);

const BORROWED = octets(
  [
    'EHLO proxy.example',
    'XCLIENT NAME=spike.example ADDR=198.51.100.7 PORT=4711 LOGIN=ann',
    'MAIL FROM:<a@x.example>',
    'XCLIENT HELO=spike.example PROTO=ESMTP DESTADDR=IPV6:2001:db8::1',
    'XFORWARD NAME=x.example ADDR=192.0.2.7 IDENT=4+2B2 SOURCE=LOCAL',
    'MAIL FROM:<a@x.example> SIZE=10',
    'XCLIENT ADDR=198.51.100.8',
    'RCPT TO:<b@y.example>',
    'DATA',
    'XCLIENT ADDR=198.51.100.9',
    '.',
    'XFORWARD PORT=65536',
    'XCLIENT LOGIN=[UNAVAILABLE] ADDR=[TEMPUNAVAIL]',
    'EHLO again.example',
    'MAIL FROM:<>',
    'RCPT TO:<b@y.example>',
    'BDAT 25 LAST',
    'XCLIENT ADDR=198.51.100.9\r',
    'QUIT',
    '',
  ].join('\r\n'),
);

test('a client that speaks for others leads to the same steps however it is cut', () => {
  const lists: readonly (readonly Answer[])[] = [
    [ACCEPT],
    [ACCEPT, ACCEPT, NO],
    [ACCEPT, ACCEPT, ACCEPT, LATER],
    [ACCEPT, GO],
  ];
  for (const options of [TRUSTED, { xclient: 'refused' }, { ...TRUSTED, ...LMTP }] as const) {
    for (const list of lists) {
      const whole = steps([BORROWED], options, list);
      assert.deepEqual(steps(cut(BORROWED, [1]), options, list), whole);
      for (let at = 1; at < BORROWED.length; at++)
        for (const pace of ['at-once', 'late'] as const)
          assert.deepEqual(
            steps([BORROWED.slice(0, at), BORROWED.slice(at)], options, list, pace),
            whole,
            `at ${at}`,
          );
    }
  }
});

test('cut once, at any place, a dialogue leads to the same steps', () => {
  for (const options of [{}, LENIENT, SMALL, BINARY]) {
    const whole = steps([DIALOGUE], options);
    for (let at = 1; at < DIALOGUE.length; at++) {
      for (const pace of ['at-once', 'late'] as const) {
        assert.deepEqual(
          steps([DIALOGUE.slice(0, at), DIALOGUE.slice(at)], options, [ACCEPT], pace),
          whole,
          `at ${at}`,
        );
      }
    }
  }
});

test('octet by octet a dialogue leads to the same steps', () => {
  for (const options of [{}, LENIENT, SMALL, BINARY]) {
    assert.deepEqual(steps(cut(DIALOGUE, [1]), options), steps([DIALOGUE], options));
  }
});

const pieces = fc.constantFrom(
  'EHLO x.example\r\n',
  'HELO x.example\r\n',
  'LHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\n',
  'XCLIENT ADDR=198.51.100.7 LOGIN=ann\r\n',
  'XCLIENT HELO=x PROTO=ESMTP\r\n',
  'XFORWARD IDENT=1\r\n',
  'MAIL FROM:<>\r\n',
  'MAIL FROM:<a@x.example>\r\n',
  'MAIL FROM:<ä@x.example> SMTPUTF8\r\n',
  'RCPT TO:<b@y.example>\r\n',
  'RCPT TO:<ä@y.example>\r\n',
  'EHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n',
  'DATA\r\n',
  'Subject: x\r\n\r\nHello\r\n.\r\n',
  'RSET\r\n',
  'EHLO x.example\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<b@y.example>\r\n',
  'BDAT 0\r\n',
  'BDAT 0 LAST\r\n',
  'BDAT 5\r\nab\r\n.',
  'BDAT 6 LAST\r\nQUIT\r\n',
  'BDAT 30 LAST\r\n',
  'BDAT 3 NOW\r\n\r\n.',
  'BDAT 9007199254740993\r\n',
  'NOOP\r\n',
  'QUIT\r\n',
  'x'.repeat(45),
  '.',
  '..',
  '\r',
  '\n',
  '\r\n',
  '\r\n.\r\n',
  '\0',
  '\xff',
  'a',
);
const dialogues = fc.array(pieces, { maxLength: 25 }).map((parts) => octets(parts.join('')));
const answerLists = fc.array(fc.constantFrom(ACCEPT, ACCEPT, ACCEPT, NO, LATER, GO), {
  minLength: 1,
  maxLength: 6,
});
const settings = fc.constantFrom<Partial<SessionOptions>[]>(
  {},
  LENIENT,
  SMALL,
  BINARY,
  LMTP,
  TRUSTED,
  { ...LMTP, ...SMALL },
  { ...LMTP, ...TRUSTED },
  { ...SMALL, ...LENIENT },
  { ...SMALL, ...BINARY },
);

test('cut at random, any dialogue with any answers, at once or late, leads to the same steps', () => {
  fc.assert(
    fc.property(dialogues, sizes, answerLists, settings, (bytes, chunks, list, options) => {
      const whole = steps([bytes], options, list);
      assert.deepEqual(steps(cut(bytes, chunks), options, list), whole);
      assert.deepEqual(steps(cut(bytes, chunks), options, list, 'late'), whole);
      assert.deepEqual(steps([bytes], options, list, 'late'), whole);
    }),
    { numRuns: 3000 },
  );
});

/** Small and repeatable: the hundred thousand inputs are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SEEDS = DIALOGUE.length;
const WORDS = [
  'EHLO [IPv6:::1]\r\n',
  'MAIL FROM:<"\\"@x"@y.example> SIZE=1 BODY=8BITMIME\r\n',
  'RCPT TO:<@a,@b:c@d.example>\r\n',
  'DATA\r\n',
  '.\r\n',
  'STARTTLS\r\n',
  'BDAT 9999999999999 LAST\r\n',
  'BDAT 3 LAST\r\nabc',
  'BDAT 10\r\n',
  'AUTH PLAIN AAAA\r\n',
  'VRFY <x@y>\r\n',
].map(octets);
const FUZZ_ANSWERS: readonly Answer[] = [ACCEPT, ACCEPT, ACCEPT, NO, LATER, GO];

/** A command, a piece of the dialogue or noise, here and there with an octet changed. */
function input(random: (below: number) => number): Uint8Array {
  const kind = random(4);
  const bytes =
    kind === 0
      ? Uint8Array.from({ length: random(40) }, () => random(256))
      : kind === 1
        ? (WORDS[random(WORDS.length)] as Uint8Array).slice()
        : DIALOGUE.slice(random(SEEDS), random(SEEDS) + 30);
  if (bytes.length > 0 && random(2) === 0) bytes[random(bytes.length)] = random(256);
  return bytes;
}

test('100,000 random inputs neither make it throw nor let it keep more than one line', () => {
  const random = generator(20261124);
  const options: Partial<SessionOptions> = { ...SMALL, commandLine: 100, badCommands: 50, tls: 'offered' };
  let inputs = 0;
  while (inputs < 100_000) {
    const client = new Client(
      options,
      () => FUZZ_ANSWERS[random(FUZZ_ANSWERS.length)] as Answer,
      random(2) === 0 ? 'late' : 'at-once',
    );
    let sent = 0;
    for (let turns = 1 + random(20); turns > 0; turns--, inputs++) {
      const bytes = input(random);
      sent += bytes.length;
      client.send(bytes);
      if (random(3) === 0) client.settle();
      if (random(40) === 0) client.do(client.session.secured());
      assert.ok(client.session.buffered <= (client.session.waiting ? sent : 100), 'bounded');
    }
    if (random(2) === 0) client.do(client.session.inputEnded()).settle();
    else client.do(client.session.end('4.3.2', 'Bye'));
    assert.equal(client.session.waiting, false);
    client.heard();
  }
});
