// How a session introduces itself: the banner, the reply to EHLO, HELO or LHLO, and HELP. Each names what the listener
// has now, and nothing else.

import { ehloKeywords } from './extensions.ts';
import type { FutureReleaseOffer } from './future-release.ts';
import { reply } from './reply.ts';
import { plain } from './session-replies.ts';
import type { Answer, ReplyStep, SessionOptions } from './session-steps.ts';

/** What can be had now: it changes with TLS and AUTH. */
export interface OnOffer {
  readonly startTls: boolean;
  readonly requireTls: boolean;
  readonly auth: readonly string[];
  readonly dsn: boolean;
  readonly futureRelease: FutureReleaseOffer | undefined;
}

type Introduced = Pick<SessionOptions, 'hostname' | 'protocol'>;

/** RFC 5321 §3.1: the banner, or 554 instead of it, after which only QUIT gets more than 503. */
export function bannerReply(
  answer: Exclude<Answer, { kind: 'disconnect' }>,
  { hostname, protocol }: Introduced,
): ReplyStep {
  const name = protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
  if (answer.kind === 'accept') return plain(reply(220, undefined, `${hostname} ${name} Posthouse`));
  return plain(reply(answer.code ?? (answer.kind === 'reject' ? 554 : 421), answer.status, answer.text));
}

/** @param extended after EHLO or LHLO: the keywords follow */
export function helloReply(options: SessionOptions, extended: boolean, now: OnOffer): ReplyStep {
  const keywords = extended ? ehloKeywords({ ...options, ...now }) : [];
  return plain(reply(250, undefined, options.hostname, ...keywords));
}

export function helpReply({ protocol, vrfy, xclient }: SessionOptions, now: OnOffer): ReplyStep {
  const commands = protocol === 'lmtp' ? ['LHLO'] : ['EHLO', 'HELO'];
  if (now.startTls) commands.push('STARTTLS');
  if (now.auth.length > 0) commands.push('AUTH');
  commands.push('MAIL', 'RCPT', 'DATA', 'BDAT', 'RSET', 'NOOP');
  if (vrfy === 'cannot-verify') commands.push('VRFY');
  if (xclient === 'offered') commands.push('XCLIENT', 'XFORWARD');
  commands.push('HELP', 'QUIT');
  return plain(reply(214, '2.0.0', commands.join(' '), `See RFC ${protocol === 'lmtp' ? 2033 : 5321}`));
}
