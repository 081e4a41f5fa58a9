// What a bounce says to people: who did not get the message, why, and what they can do. Pure.

import { describeStatus } from '../smtp/index.ts';
import type { BounceFacts } from './bounce.ts';
import { oneLine, wrapped } from './report-text.ts';
import type { FailedRecipient } from './settlement.ts';

export function explanation({ failed, hostname, arrived, returned }: BounceFacts): string {
  const one = failed.length === 1;
  const lines = [
    'Hello,',
    '',
    ...wrapped(
      `this is the mail server ${hostname}. I am sorry to tell you that your message of ${arrived}`,
      '',
    ),
    ...wrapped(
      `could not be delivered to ${one ? 'the address' : `the ${failed.length} addresses`} below. I have given up; it will not be tried again.`,
      '',
    ),
    '',
  ];
  for (const each of failed) lines.push(...aboutRecipient(each), '');
  lines.push(
    ...wrapped(
      `${one ? 'If the address is right' : 'If the addresses are right'} and the problem remains, please ask the recipient, by other means, or the postmaster of the domain. The first attachment says the same for programs, and the second one is ${returned.kind === 'message' ? 'your message' : 'the header of your message'}.`,
      '',
    ),
    '',
  );
  return lines.join('\r\n');
}

function aboutRecipient({ recipient, outcome }: FailedRecipient): string[] {
  const { status, text, remote } = outcome;
  const lines = [
    `<${oneLine(recipient.address)}>`,
    ...wrapped(`${describeStatus(status)} (${status}).`, '    '),
  ];
  if (remote === undefined) return [...lines, ...wrapped(oneLine(text), '    ')];
  return [
    ...lines,
    ...wrapped(`The mail server ${oneLine(remote.host)} said: ${oneLine(remote.reply)}`, '    '),
  ];
}
