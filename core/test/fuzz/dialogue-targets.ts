// What takes octets from the wire: the session, the client's dialogue, replies, bodies.

import assert from 'node:assert/strict';
import {
  type Answer,
  type BodyPolicy,
  DotDecoder,
  DotEncoder,
  formatReply,
  LineEndNormaliser,
  mailbox,
  type Question,
  ReplyParser,
  SASL_MECHANISMS,
  type SessionOptions,
  SmtpDialogue,
  SmtpSession,
  type Step,
} from '../../src/smtp/index.ts';
import { cut } from '../smtp/bytes.ts';
import { OPTIONS } from '../smtp/session-driver.ts';
import { Chance } from './chance.ts';
import type { Target } from './fuzzer.ts';
import { loginAnswer, TOOLS } from './sasl-target.ts';
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
  { ...OPTIONS, tls: 'offered' },
  { ...OPTIONS, protocol: 'lmtp', vrfy: 'off' },
  { ...OPTIONS, body: LENIENT, binaryMime: true },
  { ...OPTIONS, body: LENIENT, messageSize: 40, textLine: 30, commandLine: 64, recipients: 2 },
  { ...OPTIONS, badCommands: 3, commandsWithoutMail: 3, messagesPerSession: 2, unauthenticatedBytes: 600 },
];

const ACCEPT: Answer = { kind: 'accept' };
const ANSWERS: readonly Answer[] = [
  ...Array<Answer>(12).fill(ACCEPT),
  { kind: 'accept', text: 'Queued as \r\n250 x' },
  { kind: 'reject', status: '5.7.1', text: `No\r\n250 ${'\u00e4\0'.repeat(400)}` },
  { kind: 'defer', status: '4.7.1', text: '' },
  { kind: 'disconnect', text: 'Go\n' },
];

/** RFC 5321 §4.2: lines of one code, the last with a space, none longer than 512 octets, printable. */
const REPLY = /^(?:(\d{3})-[\t -~]{0,506}\r\n)*\d{3}(?: [\t -~]{0,506})?\r\n$/;

/** Plays a whole connection and gives everything that was said and done, octets of one message as one line. */
class Play {
  readonly #options: SessionOptions;
  readonly #session: SmtpSession;
  readonly #chance: Chance;
  readonly #told: string[] = [];
  #question: Question | undefined;
  #body: Uint8Array[] = [];
  /** The message was announced as BODY=BINARYMIME: the line ends of its body are the sender's affair (RFC 3030 §3). */
  #binary = false;
  #closed = false;

  constructor(options: SessionOptions, seed: number) {
    this.#options = options;
    this.#session = new SmtpSession(options);
    this.#chance = new Chance(seed);
  }

  run(chunks: readonly Uint8Array[]): string {
    this.#take(this.#session.begin());
    for (const chunk of chunks) {
      this.#take(this.#session.receive(chunk));
      const { commandLine, auth } = this.#options;
      assert.ok(
        this.#closed || this.#session.buffered <= Math.max(commandLine, auth?.line ?? 0),
        'more than a line is kept',
      );
    }
    this.#take(this.#session.inputEnded());
    assert.equal(this.#session.waiting, false, 'a question is left open');
    this.#take(this.#session.end('4.3.2', 'Bye'));
    assert.ok(this.#closed, 'it does not end');
    assert.deepEqual(this.#session.receive(Buffer.from('NOOP\r\n')), [], 'it speaks after its end');
    return this.#told.join('\n');
  }

  #take(steps: readonly Step[]): void {
    for (let left = [...steps]; left.length > 0; ) {
      const step = left.shift() as Step;
      assert.ok(!this.#closed, 'a step after the end');
      this.#one(step);
      const question = this.#question;
      if (question !== undefined) {
        assert.equal(left.length, 0, 'a step behind a question');
        this.#question = undefined;
        const chance = this.#chance;
        left = this.#session.answer(
          question.hook === null ? loginAnswer(question.login, chance) : chance.pick(ANSWERS),
        );
      } else if (step.do === 'start-tls') {
        left.push(...this.#session.secured());
      }
    }
  }

  #one(step: Step): void {
    if (step.do === 'body') {
      this.#body.push(step.bytes);
      return;
    }
    if (step.do === 'reply') {
      const wire = formatReply(step.reply);
      assert.match(wire, REPLY);
      this.#told.push(wire);
    } else if (step.do === 'ask') {
      this.#question = step.question;
      if (step.question.hook === 'on-mail-from')
        this.#binary = step.question.parameters.body === 'BINARYMIME';
      if (step.question.hook === 'on-data') this.#complete(step.question.size);
      this.#told.push(JSON.stringify(step.question));
    } else {
      if (step.do === 'drop-body' || step.do === 'reset') this.#body = [];
      if (step.do === 'close') this.#closed = true;
      this.#told.push(step.do);
    }
  }

  /** What is offered to the hooks is a message: of the size that was said, within its limits, with whole lines. */
  #complete(size: number): void {
    const message = Buffer.concat(this.#body);
    const { messageSize, textLine, body } = this.#options;
    assert.equal(message.length, size, 'the size of the message');
    assert.ok(size <= messageSize, 'the limit of its size');
    const text = message.toString('latin1');
    // Of a binary message only the header section is lines.
    const lines = this.#binary ? (/^(?:\r\n|.*?\r\n\r\n)/s.exec(text)?.[0] ?? text) : text;
    assert.doesNotMatch(lines, /(?<!\r)\n|\r(?!\n)/, 'a bare CR or LF');
    if (body.nul === 'refuse') assert.doesNotMatch(lines, /\0/, 'a NUL');
    for (const line of lines.split('\r\n').slice(0, -1))
      assert.ok(line.length + 2 <= textLine, 'the limit of a line');
    this.#told.push(text);
    this.#body = [];
  }
}

export const session: Target = {
  name: 'session',
  share: 80,
  seeds: dialogues(),
  words: SESSION_WORDS,
  run(input) {
    const chance = Chance.of(input);
    const options = chance.pick(SETTINGS);
    const seed = chance.below(2 ** 31);
    const whole = new Play(options, seed).run([input]);
    // Where TLS may begin, what came along with the command and what came after it are not the same.
    if (options.tls === 'offered') return;
    const pieces = new Play(options, seed).run(cut(input, chance.sizes()));
    assert.equal(pieces, whole, 'the steps depend on how the octets were cut');
  },
};

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
  share: 100,
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
  share: 110,
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
