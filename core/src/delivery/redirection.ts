// Who takes the place of a redirected recipient, and with which of its wishes for notices (RFC 3461 §5.2.7). Pure.

import type { QueuedRecipient, Redirected } from '../contract/index.ts';
import type { Notify, RcptParameters } from '../smtp/index.ts';
import { type RecipientNews, wantsSuccess } from './news.ts';
import { isAscii } from './report-text.ts';

export interface Replacements {
  readonly recipients: readonly QueuedRecipient[];
  /** What the sender may want to hear of it. */
  readonly told: RecipientNews | undefined;
}

/** @param limit how many redirections may follow each other */
export function replacements(
  recipient: QueuedRecipient,
  { to, sender, confidential }: Redirected,
  transport: string | null,
  limit: number,
): Replacements {
  const redirectedBy = [...(recipient.redirectedBy ?? []), transport ?? ''];
  if (redirectedBy.length > limit) {
    const text = 'Too many redirections: the address seems to be in a loop';
    return { recipients: [], told: { action: 'failed', recipient, status: '5.4.6', text } };
  }
  const parameters = confidential
    ? SECRET
    : to.length === 1
      ? withOriginal(recipient)
      : withoutSuccess(withOriginal(recipient));
  const from = sender === undefined ? recipient.sender : (sender?.toString() ?? '');
  const kept = { parameters, redirectedBy, ...(from !== undefined && { sender: from }) };
  return {
    recipients: to.map((target) => ({ address: target.toString(), ...kept })),
    told: toldOf(recipient, to.length > 1, confidential === true),
  };
}

/** Nothing may be told of where the message went. */
const SECRET: RcptParameters = Object.freeze({ notify: Object.freeze(['NEVER'] as const) });

/** For a single address the sender's wishes go on as they are; several are the end of what it hears of success. */
function toldOf(
  recipient: QueuedRecipient,
  several: boolean,
  confidential: boolean,
): RecipientNews | undefined {
  if (!wantsSuccess(recipient) || !(several || confidential)) return undefined;
  return { action: confidential ? 'delivered' : 'expanded', recipient, status: '2.0.0', text: '' };
}

/** A notice names the address that the sender knows. */
function withOriginal({ address, parameters }: QueuedRecipient): RcptParameters {
  if (parameters?.orcpt !== undefined) return parameters;
  return { ...parameters, orcpt: { type: isAscii(address) ? 'rfc822' : 'utf-8', address } };
}

function withoutSuccess(parameters: RcptParameters): RcptParameters {
  const { notify } = parameters;
  if (notify === undefined || !notify.includes('SUCCESS')) return parameters;
  const left: readonly Notify[] = notify.filter((wish) => wish !== 'SUCCESS');
  return { ...parameters, notify: left.length === 0 ? ['NEVER'] : left };
}
