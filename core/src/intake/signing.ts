// Calls the signers of a message when every edit is applied, and holds their fields against the grammar. Fails closed.

import type { Clock, EventSink, FinalMessage, MessageBody } from '../contract/index.ts';
import type { SignEdit } from '../hooks/index.ts';
import { skip, skipped } from './octets.ts';

/** What goes out: the fields on top, and the body, which begins with `header` and the empty line. */
export interface MessageParts {
  readonly head: string;
  readonly header: Uint8Array;
  readonly body: Pick<MessageBody, 'inMemory' | 'open'>;
}

export interface SigningServices {
  readonly clock: Clock;
  readonly events: EventSink;
  readonly session: string;
}

/** A signer failed: announced as `handler-failed`, and the message must not go out unsigned. */
export class SigningFailure extends Error {}

// RFC 5322 §2.2: fields with folding, and nothing that would end the section.
const FIELDS = /^(?:[!-9;-~]+:[^\r\n\0]*\r\n(?:[ \t][^\r\n\0]*\r\n)*)*$/;
const EMPTY_LINE = 2;

/** The head with the signers' fields on top. Rejects with a SigningFailure. */
export async function signedHead(
  { head, header, body }: MessageParts,
  signers: readonly SignEdit[],
  services: SigningServices,
): Promise<string> {
  const bodyStart = header.length + EMPTY_LINE;
  const chunks = body.inMemory;
  const inMemory = chunks === undefined ? undefined : skipped(chunks, bodyStart);
  const open = (): AsyncIterable<Uint8Array> => skip(body.open(), bodyStart);
  let onTop = head;
  for (const signer of signers) {
    const message = { header: Buffer.concat([Buffer.from(onTop, 'utf8'), header]), inMemory, open };
    onTop = (await fieldsOf(signer, message, services)) + onTop;
  }
  return onTop;
}

async function fieldsOf(
  { signer, author }: SignEdit,
  message: FinalMessage,
  { clock, events, session }: SigningServices,
): Promise<string> {
  const started = clock.now();
  try {
    const answer = signer(message);
    const fields = typeof answer === 'string' ? answer : await within(author.timeout, answer, clock);
    if (typeof fields !== 'string' || !FIELDS.test(fields))
      throw new Trouble('illegal-answer', 'the signer returned something that is no header field');
    return fields;
  } catch (error) {
    events.emit('handler-failed', {
      session,
      hook: 'on-data',
      plugin: author.plugin,
      problem: error instanceof Trouble ? error.problem : 'threw',
      error: error instanceof Error ? error.message : 'something was thrown that is no Error',
      milliseconds: clock.now() - started,
    });
    if (author.onError === 'pass') return '';
    throw new SigningFailure(`${author.plugin} could not sign`, { cause: error });
  }
}

class Trouble extends Error {
  readonly problem: 'timed-out' | 'illegal-answer';

  constructor(problem: 'timed-out' | 'illegal-answer', text: string) {
    super(text);
    this.problem = problem;
  }
}

function within<T>(timeout: number, answer: PromiseLike<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeout, () =>
      reject(new Trouble('timed-out', `no signature within ${timeout} ms`)),
    );
    Promise.resolve(answer).then(resolve, reject).finally(timer.stop.bind(timer));
  });
}
