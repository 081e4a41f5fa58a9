// The end of a message: one reply in SMTP, and in LMTP one for each accepted recipient, in the order of RCPT.

import { reply } from './reply.ts';
import type { SessionOutlet } from './session-outlet.ts';
import { plain, vetoReply } from './session-replies.ts';
import type { EachAnswer, MessageAnswer, Step } from './session-steps.ts';

/**
 * Says what on-data has earned. True where the message was accepted, for one recipient at least.
 * @param replies 1, or on LMTP how many recipients were accepted
 */
export function endReplies(answer: MessageAnswer | EachAnswer, replies: number, out: SessionOutlet): boolean {
  if (answer.kind !== 'each') {
    out.repeat(replyTo(answer), replies);
    return answer.kind === 'accept';
  }
  for (const each of answer.answers) out.say(replyTo(each));
  return answer.answers.some(({ kind }) => kind === 'accept');
}

function replyTo(answer: MessageAnswer): Step {
  return answer.kind === 'accept' ? plain(reply(250, '2.0.0', answer.text ?? 'Ok')) : vetoReply(answer);
}
