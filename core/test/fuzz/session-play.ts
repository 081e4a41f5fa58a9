// Plays a whole connection with a session, answers its questions by chance, and holds every step to what was promised.

import assert from 'node:assert/strict';
import {
  type Answer,
  type EachAnswer,
  formatReply,
  type Question,
  type SessionOptions,
  SmtpSession,
  type Step,
} from '../../src/smtp/index.ts';
import { Chance } from './chance.ts';
import { loginAnswer } from './sasl-target.ts';

const ACCEPT = { kind: 'accept' } as const;
const EACH_ANSWERS: readonly EachAnswer['answers'][number][] = [
  ...Array<typeof ACCEPT>(12).fill(ACCEPT),
  { kind: 'accept', text: 'Queued as \r\n250 x' },
  { kind: 'reject', status: '5.7.1', text: `No\r\n250 ${'\u00e4\0'.repeat(400)}` },
  { kind: 'defer', status: '4.7.1', text: '' },
];
const ANSWERS: readonly Answer[] = [...EACH_ANSWERS, { kind: 'disconnect', text: 'Go\n' }];

/** RFC 5321 §4.2: lines of one code, the last with a space, none longer than 512 octets, printable. */
export const REPLY = /^(?:(\d{3})-[\t -~]{0,506}\r\n)*\d{3}(?: [\t -~]{0,506})?\r\n$/;

/** Plays a whole connection and gives everything that was said and done, octets of one message as one line. */
export class Play {
  readonly #options: SessionOptions;
  readonly #session: SmtpSession;
  readonly #chance: Chance;
  readonly #told: string[] = [];
  #question: Question | undefined;
  #body: Uint8Array[] = [];
  /** The message was announced as BODY=BINARYMIME: the line ends of its body are the sender's affair (RFC 3030 §3). */
  #binary = false;
  #closed = false;
  /** Recipients of the open transaction. */
  #accepted = 0;

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
        const answer = this.#answer(question);
        left = this.#session.answer(answer);
        // RFC 2033 §4.2: on LMTP as many replies as recipients.
        if (question.hook === 'on-data' && answer.kind !== 'disconnect')
          assert.equal(
            left.findIndex(({ do: what }) => what !== 'reply'),
            this.#options.protocol === 'lmtp' ? this.#accepted : 1,
            'the replies to a message',
          );
      } else if (step.do === 'start-tls') {
        left.push(...this.#session.secured());
      }
    }
  }

  #answer(question: Question): ReturnType<typeof loginAnswer> | Answer | EachAnswer {
    const chance = this.#chance;
    if (question.hook === null) return loginAnswer(question.login, chance);
    const answer = chance.pick(ANSWERS);
    if (question.hook === 'on-mail-from') this.#accepted = 0;
    if (question.hook === 'on-rcpt' && answer.kind === 'accept') this.#accepted += 1;
    if (question.hook !== 'on-data' || this.#options.protocol !== 'lmtp' || chance.below(2) === 0)
      return answer;
    return { kind: 'each', answers: Array.from({ length: this.#accepted }, () => chance.pick(EACH_ANSWERS)) };
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
