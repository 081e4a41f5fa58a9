// What a bounce says to people: who did not get the message, why, and what they can do. Pure.

import { describeStatus } from '../smtp/index.ts';
import type { BounceFacts } from './bounce.ts';
import { oneLine, wrapped } from './report-text.ts';
import type { FailedRecipient } from './settlement.ts';

export function explanation({ failed, hostname, arrived, returned }: BounceFacts): string {
  const one = failed.length === 1;
  const addresses = one ? 'the address' : `the ${failed.length} addresses`;
  const original = returned.kind === 'message' ? 'your message' : 'the header of your message';
  const paragraphs = [
    ['Hello,'],
    wrapped(
      `this is the mail server ${hostname}. I am sorry to tell you that your message of ${arrived} could not be delivered to ${addresses} below. It will not be tried again.`,
      '',
    ),
    ...failed.map(aboutRecipient),
    wrapped(
      `If ${one ? 'the address is' : 'the addresses are'} right and the problem remains, please ask the recipient in another way, or the postmaster of the domain.`,
      '',
    ),
    wrapped(`Attached are a report for mail programs, and ${original}.`, ''),
  ];
  return paragraphs.map((lines) => `${lines.join('\r\n')}\r\n`).join('\r\n');
}

function aboutRecipient({ recipient, outcome }: FailedRecipient): string[] {
  const { status, text, remote } = outcome;
  const why =
    remote === undefined
      ? oneLine(text)
      : `The mail server ${oneLine(remote.host)} said: ${oneLine(remote.reply)}`;
  return [
    `<${oneLine(recipient.address)}>`,
    ...wrapped(`${describeStatus(status)} (${status}).`, '    '),
    ...wrapped(why, '    '),
  ];
}
