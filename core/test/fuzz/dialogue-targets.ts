// What takes octets from the wire: the session, the client's dialogue, replies, bodies.

import assert from 'node:assert/strict';
import {
  type BodyPolicy,
  DotDecoder,
  DotEncoder,
  formatReply,
  LineEndNormaliser,
  mailbox,
  ReplyParser,
  SASL_MECHANISMS,
  type SessionOptions,
  SmtpDialogue,
} from '../../src/smtp/index.ts';
import { cut } from '../smtp/bytes.ts';
import { OPTIONS } from '../smtp/session-driver.ts';
import { Chance } from './chance.ts';
import type { Target } from './fuzzer.ts';
import { TOOLS } from './sasl-target.ts';
import { Play, REPLY } from './session-play.ts';
import { dialogues, octetsOf, REPLY_WORDS, SESSION_WORDS } from './words.ts';

const LENIENT: BodyPolicy = { bareLf: 'normalise', bareCr: 'normalise', nul: 'accept' };
const AUTH: NonNullable<SessionOptions['auth']> = {
  required: false,
  withoutTls: true,
  line: 1024,
  failures: 3,
  mechanisms: () => SASL_MECHANISMS,
  scram: TOOLS,
};
const SETTINGS: readonly SessionOptions[] = [
  OPTIONS,
  { ...OPTIONS, auth: AUTH },
  { ...OPTIONS, auth: { ...AUTH, required: true, withoutTls: false }, tls: 'active' },
  { ...OPTIONS, auth: AUTH, futureRelease: { longest: 86_400_000, now: () => 0 } },
  { ...OPTIONS, tls: 'offered' },
  { ...OPTIONS, xclient: 'offered', auth: AUTH, vrfy: 'off' },
  { ...OPTIONS, xclient: 'refused' },
  { ...OPTIONS, body: LENIENT, binaryMime: true },
  { ...OPTIONS, body: LENIENT, messageSize: 40, textLine: 30, commandLine: 64, recipients: 2 },
  { ...OPTIONS, badCommands: 3, commandsWithoutMail: 3, messagesPerSession: 2, unauthenticatedBytes: 600 },
];

export const session: Target = {
  name: 'session',
  share: 80,
  seeds: dialogues(),
  words: SESSION_WORDS,
  run: (input) => play(input, SETTINGS),
};

const LMTP: SessionOptions = { ...OPTIONS, protocol: 'lmtp' };

/** RFC 2033: more than one recipient, chunks, and the commands that greet. */
export const lmtpSession: Target = {
  name: 'LMTP session',
  share: 25,
  seeds: dialogues().map((said) =>
    Buffer.from(
      Buffer.from(said)
        .toString('latin1')
        .replaceAll(/^(?:EHLO|HELO)/gm, 'LHLO'),
      'latin1',
    ),
  ),
  words: [
    'LHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\n',
    'RCPT TO:<b@y.example>\r\n'.repeat(3),
    ...SESSION_WORDS,
  ],
  run: (input) =>
    play(input, [
      LMTP,
      { ...LMTP, body: LENIENT, binaryMime: true },
      { ...LMTP, auth: AUTH, xclient: 'offered' },
      { ...LMTP, messageSize: 40, textLine: 30, recipients: 2, chunks: 2 },
    ]),
};

/** However the octets are cut, a connection goes the same way. */
function play(input: Uint8Array, settings: readonly SessionOptions[]): void {
  const chance = Chance.of(input);
  const options = chance.pick(settings);
  const seed = chance.below(2 ** 31);
  const whole = new Play(options, seed).run([input]);
  // Where TLS may begin, what came along with the command and what came after it are not the same.
  if (options.tls === 'offered') return;
  const pieces = new Play(options, seed).run(cut(input, chance.sizes()));
  assert.equal(pieces, whole, 'the steps depend on how the octets were cut');
}

/** Does at once what each step of the client's dialogue asks for. */
function converse(pieces: readonly Uint8Array[]): string {
  const dialogue = new SmtpDialogue('mx.a.example');
  const told: string[] = [];
  let sent = 0;
  const take = (steps: ReturnType<SmtpDialogue['receive']>): void => {
    for (const step of steps) {
      told.push(JSON.stringify(step));
      if (step.do === 'send-body') take(dialogue.bodySent());
      else if ((step.do === 'ready' || step.do === 'result') && dialogue.isReady) {
        sent += 1;
        take(sent > 2 ? dialogue.quit() : dialogue.send(ENVELOPE));
      }
    }
  };
  take(dialogue.begin());
  for (const piece of pieces) take(dialogue.receive(piece));
  return told.join('\n');
}

const ENVELOPE = {
  sender: mailbox('a@a.example'),
  parameters: {},
  recipients: ['b@b.example', 'c@b.example'].map((address) => ({
    address: mailbox(address),
    parameters: {},
  })),
  size: 100,
  eightBit: false,
  eightBitHeader: false,
};

const HOP = octetsOf(
  '220 mx\r\n250-b\r\n250-PIPELINING\r\n250 SIZE 100\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 done\r\n221 bye\r\n',
  '220-hi\r\n220 mx\r\n502 no\r\n250 b\r\n250 ok\r\n550-5.1.1 no\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n451 4.3.0 later\r\n',
  '220 mx\r\n250-b\r\n250 PIPELINING\r\n421 4.3.2 bye\r\n',
  '554 5.7.1 no\r\n',
);

export const clientDialogue: Target = {
  name: 'client dialogue',
  share: 80,
  seeds: HOP,
  words: REPLY_WORDS,
  run(input) {
    converse([input]);
    converse(cut(input, Chance.of(input).sizes()));
  },
};

export const replies: Target = {
  name: 'replies of a next hop',
  share: 90,
  seeds: HOP,
  words: REPLY_WORDS,
  run(input) {
    const read = (pieces: readonly Uint8Array[]): unknown[] => {
      const parser = new ReplyParser();
      return pieces.flatMap((piece) => parser.receive(piece));
    };
    const whole = read([input]);
    assert.deepEqual(read(cut(input, Chance.of(input).sizes())), whole);
    for (const found of whole as { code?: number; lines?: readonly string[]; status?: never }[]) {
      if (found.code !== undefined && found.lines !== undefined)
        assert.match(formatReply({ code: found.code, lines: found.lines }), REPLY);
    }
  },
};

export const bodies: Target = {
  name: 'bodies',
  share: 90,
  seeds: octetsOf(
    'Subject: x\r\n\r\nHello\r\n.\r\n',
    '..\r\n.x\r\n.\r\nRSET\r\n',
    '.\r\n',
    'a\nb\rc\0\r\n.\r\n',
  ),
  words: SESSION_WORDS.filter((word) => word.length < 20),
  run(input) {
    // What is encoded comes out as it was, and its end is found where it is.
    const encoder = new DotEncoder();
    const encoded = Buffer.concat([encoder.encode(input), encoder.finish()]);
    const decoder = new DotDecoder();
    const found: Uint8Array[] = [];
    let at = 0;
    for (const piece of cut(encoded, Chance.of(input).sizes())) {
      const { body, end } = decoder.receive(piece);
      found.push(body);
      if (end !== -1) assert.equal(at + end, encoded.length, 'the end is somewhere else');
      at += piece.length;
    }
    if (encoder.unsafe) return;
    const whole = input.length === 0 || Buffer.from(input).toString('latin1').endsWith('\r\n');
    const expected = whole ? input : Buffer.concat([input, Buffer.from('\r\n')]);
    assert.deepEqual(Buffer.concat(found), Buffer.from(expected), 'the body has changed');
    assert.deepEqual(new LineEndNormaliser().receive(expected), expected, 'good line ends were changed');
  },
};

export const lineEnds: Target = {
  name: 'line ends',
  share: 60,
  seeds: octetsOf('a\r\nb\nc\rd\r\n', '\n\n\r\r', '\r', 'x'),
  words: ['\r', '\n', '\r\n', '\n\r', 'a', '.'],
  run(input) {
    const normalise = (pieces: readonly Uint8Array[]): string => {
      const normaliser = new LineEndNormaliser();
      return Buffer.concat(pieces.map((piece) => normaliser.receive(piece))).toString('latin1');
    };
    const whole = normalise([input]);
    assert.doesNotMatch(whole, /(?<!\r)\n|\r(?!\n)/);
    assert.equal(normalise(cut(input, Chance.of(input).sizes())), whole);
  },
};
