// Runs the body transforms of on-data, and holds what they hand out against the line ends of mail. Fails closed.

import type { Clock, EventSink } from '../contract/index.ts';
import type { RewriteEdit } from '../hooks/index.ts';
import { LineEndScanner } from '../smtp/index.ts';
import { skip } from './octets.ts';

export interface RewritingServices {
  readonly clock: Clock;
  readonly events: EventSink;
  readonly session: string;
}

/** A transform made a bare CR or LF: announced as `handler-failed`, and the message must not be kept. */
export class RewritingFailure extends Error {}

const EMPTY_LINE = Uint8Array.of(13, 10);

/**
 * Runs a transform over the body proper: the empty line that ends the header section stays in front of it.
 *
 * @param binary the body is BINARYMIME, and its octets need not be lines. Every other body comes in with CRLF alone,
 *   so that a bare CR or LF behind the transform is its own (RFC 5321 §2.3.8): the iteration ends in a RewritingFailure.
 */
export async function* rewritten(
  content: AsyncIterable<Uint8Array>,
  { transform, author }: RewriteEdit,
  binary: boolean,
  { clock, events, session }: RewritingServices,
): AsyncIterable<Uint8Array> {
  const started = clock.now();
  yield EMPTY_LINE;
  const body = transform(skip(content, EMPTY_LINE.length));
  if (binary) {
    yield* body;
    return;
  }
  const scanner = new LineEndScanner();
  for await (const bytes of body) {
    scanner.receive(bytes);
    yield bytes;
  }
  scanner.finish();
  if (!scanner.found.bareCr && !scanner.found.bareLf) return;
  const error = 'the rewritten body has a bare CR or LF; lines must end in CRLF';
  const milliseconds = clock.now() - started;
  const { plugin } = author;
  events.emit('handler-failed', {
    session,
    hook: 'on-data',
    plugin,
    problem: 'illegal-answer',
    error,
    milliseconds,
  });
  throw new RewritingFailure(`${plugin}: ${error}`);
}
