// What an endpoint's answer means for the recipients of a request: a table. Pure.

import { Outcome, type PermanentStatus, type TransientStatus } from '@posthouse/core';
import { printable } from '@posthouse/core/smtp';

export interface Answer {
  /** The status code (RFC 9110 §15). */
  readonly status: number;
  /** Its phrase. Untrusted. */
  readonly phrase: string;
  /** The value of Retry-After (RFC 9110 §10.2.3). Untrusted. */
  readonly retryAfter: string | undefined;
  /** The beginning of the body. Untrusted. */
  readonly body: string;
}

/** Characters of the answer that an outcome keeps. */
const MAX_TEXT = 200;
/** Milliseconds: no endpoint puts mail off for longer with one answer. */
const MAX_RETRY_AFTER = 86_400_000;

/** Of this request or of these recipients: the sender hears of it. */
const PERMANENT: ReadonlyMap<number, PermanentStatus> = new Map([
  [400, '5.6.0'],
  [403, '5.7.1'],
  [404, '5.1.1'],
  [410, '5.1.6'],
  [413, '5.3.4'],
  [415, '5.6.1'],
  [422, '5.6.0'],
  [451, '5.7.1'],
]);

/** Of time, of our credentials, or of the endpoint: the mail waits. */
const TRANSIENT: ReadonlyMap<number, readonly [TransientStatus, scope?: 'destination']> = new Map([
  // A key that has expired is the operator's trouble and no fault of the message.
  [401, ['4.7.0', 'destination']],
  [407, ['4.7.0', 'destination']],
  [408, ['4.4.2']],
  [425, ['4.4.5']],
  [429, ['4.4.5', 'destination']],
  [502, ['4.4.1', 'destination']],
  [503, ['4.3.2', 'destination']],
  [504, ['4.4.1', 'destination']],
  [507, ['4.3.1', 'destination']],
]);

/** @param host the endpoint's name. @param now milliseconds, for a Retry-After that is a date */
export function outcomeOfAnswer(answer: Answer, host: string, now: number): Outcome {
  const { status } = answer;
  const words = wordsOf(answer);
  if (status >= 200 && status < 300) return Outcome.delivered(words);
  const text = `${host} said: ${words}`;
  const retryAfter = retryAfterOf(answer.retryAfter, now);
  const [transient, scope] = TRANSIENT.get(status) ?? [];
  if (transient !== undefined || status >= 500) {
    return Outcome.deferred(transient ?? '4.3.0', text, {
      ...(scope && { scope }),
      ...(retryAfter !== undefined && { retryAfter }),
    });
  }
  if (status >= 400) return Outcome.failed(PERMANENT.get(status) ?? '5.0.0', text);
  // A redirection is not followed: the message would go where the operator has not sent it.
  return Outcome.deferred('4.3.5', `${text}, which is no answer to a message`, { scope: 'destination' });
}

function wordsOf({ status, phrase, body }: Answer): string {
  const text = `${status} ${phrase} ${body}`.replace(/\s+/g, ' ').trim();
  const escaped = printable(text.slice(0, MAX_TEXT));
  return text.length > MAX_TEXT || escaped.length > MAX_TEXT ? `${escaped.slice(0, MAX_TEXT)}…` : escaped;
}

/** Milliseconds; undefined for what is neither seconds nor a date. */
function retryAfterOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = /^\d{1,10}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  if (Number.isNaN(milliseconds) || milliseconds <= 0) return undefined;
  return Math.min(milliseconds, MAX_RETRY_AFTER);
}
