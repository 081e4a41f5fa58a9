// The end of a message: one reply in SMTP, and in LMTP one for each accepted recipient, in the order of RCPT.

import { reply } from './reply.ts';
import { plain, vetoReply } from './session-replies.ts';
import type { EachAnswer, MessageAnswer, Step } from './session-steps.ts';

/**
 * RFC 2033 §4.2: what is said of the whole message is said once for each recipient.
 * @param replies 1, or on LMTP how many recipients were accepted
 */
export function repeat(step: Step, replies: number, steps: Step[]): void {
  for (let left = replies; left > 0; left--) steps.push(step);
}

/** The replies that on-data has earned. True where the message was accepted, for one recipient at least. */
export function endReplies(answer: MessageAnswer | EachAnswer, replies: number, steps: Step[]): boolean {
  if (answer.kind !== 'each') {
    repeat(replyTo(answer), replies, steps);
    return answer.kind === 'accept';
  }
  for (const each of answer.answers) steps.push(replyTo(each));
  return answer.answers.some(({ kind }) => kind === 'accept');
}

function replyTo(answer: MessageAnswer): Step {
  return answer.kind === 'accept' ? plain(reply(250, '2.0.0', answer.text ?? 'Ok')) : vetoReply(answer);
}
