// Drives a session without a socket: feeds it chunks, answers its questions, and writes its steps as comparable lines.

import {
  type Answer,
  type EachAnswer,
  formatReply,
  type LoginAnswer,
  type Question,
  type SessionOptions,
  SmtpSession,
  type Step,
} from '../../src/smtp/index.ts';
import { octets, text } from './bytes.ts';

export const OPTIONS: SessionOptions = {
  hostname: 'house.example',
  messageSize: 10_000,
  recipients: 100,
  commandLine: 512,
  textLine: 5000,
  badCommands: 20,
  commandsWithoutMail: 1000,
  messagesPerSession: 1000,
  unauthenticatedBytes: 1_000_000,
  chunks: 50,
  protocol: 'smtp',
  vrfy: 'cannot-verify',
  dsn: 'on',
  binaryMime: false,
  futureRelease: undefined,
  body: { bareLf: 'refuse', bareCr: 'refuse', nul: 'refuse' },
  tls: 'none',
  tlsRequired: false,
  auth: undefined,
  xclient: 'none',
};

export const ACCEPT: Answer = { kind: 'accept' };
export type Answering = (question: Question) => Answer | EachAnswer | LoginAnswer;

/** `at-once`: as the driver does where no handler suspends. `late`: when all the chunks have been received. */
export type Pace = 'at-once' | 'late';

export class Client {
  readonly session: SmtpSession;
  readonly #answering: Answering;
  readonly #pace: Pace;
  #steps: Step[] = [];

  constructor(
    options: Partial<SessionOptions> = {},
    answering: Answering = () => ACCEPT,
    pace: Pace = 'at-once',
  ) {
    this.session = new SmtpSession({ ...OPTIONS, ...options });
    this.#answering = answering;
    this.#pace = pace;
    this.#take(this.session.begin());
  }

  /** Characters up to U+00FF are single octets. */
  send(input: string | Uint8Array): this {
    this.#take(this.session.receive(typeof input === 'string' ? octets(input) : input));
    return this;
  }

  do(steps: readonly Step[]): this {
    this.#take(steps);
    return this;
  }

  /** Answers whatever is open now, and what that leads to. */
  settle(): this {
    for (;;) {
      const open = this.#steps.findLast((step) => step.do === 'ask');
      if (!this.session.waiting || open === undefined) return this;
      this.#steps.push(...this.session.answer(this.#answering(open.question)));
    }
  }

  /** The steps since the last call, as lines; octets of one message are one line. */
  heard(): string[] {
    const lines = linesOf(this.#steps);
    this.#steps = [];
    return lines;
  }

  /** The replies since the last call, without CRLF. */
  replies(): string[] {
    return this.heard()
      .filter((line) => line.startsWith('S: '))
      .map((line) => line.slice(3));
  }

  #take(steps: readonly Step[]): void {
    this.#steps.push(...steps);
    if (this.#pace === 'at-once') this.settle();
  }
}

export function linesOf(steps: readonly Step[]): string[] {
  const lines: string[] = [];
  let body = '';
  const flush = (): void => {
    if (body !== '') lines.push(`body ${JSON.stringify(body)}`);
    body = '';
  };
  for (const step of steps) {
    if (step.do === 'body') {
      body += text(step.bytes);
      continue;
    }
    // What came of a message that is refused anyway is nobody's business: the driver forgets it.
    if (step.do === 'drop-body') body = '';
    flush();
    if (step.do === 'reply') lines.push(`S: ${formatReply(step.reply).trimEnd()}`);
    else if (step.do === 'ask') lines.push(`ask ${JSON.stringify(step.question)}`);
    else if (step.do === 'client-is') lines.push(`client-is ${JSON.stringify(step.client)}`);
    else if (step.do === 'forwarded') lines.push(`forwarded ${JSON.stringify(step.forwarded)}`);
    else if (step.do === 'close') lines.push(`close: ${step.why}`);
    else lines.push(step.do);
  }
  flush();
  return lines;
}
