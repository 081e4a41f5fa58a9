// What a message says about mail of ours: a delivery status notification (RFC 3464, RFC 6533), a complaint in the Abuse
// Reporting Format (RFC 5965), or what Exim and others write beside them. Everything in it is untrusted. Pure.

import { type Mailbox, parseMailbox } from '@posthouse/core';
import { parseUnicodeXtext } from '@posthouse/core/smtp';
import { all, type Field, fieldsOf, first } from './header-fields.ts';
import { type Part, partsOf, split } from './mime-parts.ts';

export const ACTIONS = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const;
export type Action = (typeof ACTIONS)[number];

export interface ReportedRecipient {
  readonly address: Mailbox;
  /** As the sender wrote it, where the report tells (RFC 3464 §2.3.1). */
  readonly original?: Mailbox;
  readonly action: Action;
  /** RFC 3463. */
  readonly status: string;
  /** The next hop's words, without their type. */
  readonly diagnostic?: string;
  readonly remoteMta?: string;
}

/** What the report brings back of the message that it is about. */
export interface About {
  readonly messageId?: string;
  /** The reverse-path that it had. */
  readonly returnPath?: Mailbox;
}

export type Feedback =
  | {
      readonly kind: 'bounce';
      readonly recipients: readonly ReportedRecipient[];
      readonly reportingMta?: string;
      readonly envelopeId?: string;
      readonly about: About;
    }
  | {
      readonly kind: 'complaint';
      /** `abuse`, `fraud`, `not-spam`… (RFC 5965 §7.3), in small letters. */
      readonly type: string;
      /** May be empty: some providers take them out. */
      readonly recipients: readonly Mailbox[];
      readonly reporter?: string;
      readonly sourceIp?: string;
      readonly about: About;
    };

/** Recipients of one report. */
const MOST_RECIPIENTS = 100;
const LONGEST = 500;

/** undefined: it is no report that is known. Never throws. */
export function parseFeedback(message: Uint8Array): Feedback | undefined {
  const { top, parts } = partsOf(message);
  const about = aboutOf(parts);
  const complaint = parts.find(({ type }) => type === 'message/feedback-report');
  if (complaint !== undefined) return complaintOf(complaint, about);
  const status = parts.find(
    ({ type }) => type === 'message/delivery-status' || type === 'message/global-delivery-status',
  );
  if (status !== undefined) return bounceOf(status, about);
  return failedRecipients(top, parts, about);
}

function bounceOf({ text }: Part, about: About): Feedback | undefined {
  // RFC 3464 §2.1: groups of fields with empty lines between; some servers write several.
  const [ofMessage = [], ...groups] = text
    .trim()
    .split(/\r?\n[ \t]*\r?\n\s*/)
    .slice(0, MOST_RECIPIENTS + 1)
    .map(fieldsOf);
  // And some leave out the fields of the message.
  const ofRecipients = first(ofMessage, 'final-recipient') === undefined ? groups : [ofMessage, ...groups];
  const recipients = ofRecipients
    .slice(0, MOST_RECIPIENTS)
    .map(recipientOf)
    .filter((each) => each !== undefined);
  if (recipients.length === 0) return undefined;
  return {
    kind: 'bounce',
    recipients,
    ...optional('reportingMta', typed(first(ofMessage, 'reporting-mta'))),
    ...optional('envelopeId', bounded(first(ofMessage, 'original-envelope-id'))),
    about,
  };
}

function recipientOf(fields: readonly Field[]): ReportedRecipient | undefined {
  const final = addressOf(first(fields, 'final-recipient'));
  const original = addressOf(first(fields, 'original-recipient'));
  const address = final ?? original;
  if (address === undefined) return undefined;
  const said = first(fields, 'action')?.toLowerCase().split(/[ (]/)[0];
  const status = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(first(fields, 'status') ?? '')?.[0];
  const action = ACTIONS.find((each) => each === said) ?? actionOf(status);
  return {
    address,
    ...optional('original', original),
    action,
    status: status ?? DEFAULTS[action],
    ...optional('diagnostic', typed(first(fields, 'diagnostic-code'))),
    ...optional('remoteMta', typed(first(fields, 'remote-mta'))),
  };
}

const DEFAULTS: Readonly<Record<Action, string>> = {
  failed: '5.0.0',
  delayed: '4.0.0',
  delivered: '2.0.0',
  relayed: '2.0.0',
  expanded: '2.0.0',
};

function actionOf(status: string | undefined): Action {
  if (status?.startsWith('2')) return 'delivered';
  return status?.startsWith('4') ? 'delayed' : 'failed';
}

function complaintOf({ text }: Part, about: About): Feedback {
  const fields = fieldsOf(text);
  const said = [...all(fields, 'original-rcpt-to'), ...all(fields, 'removal-recipient')];
  const recipients = said.map(mailboxIn).filter((each) => each !== undefined);
  const returnPath = about.returnPath ?? mailboxIn(first(fields, 'original-mail-from') ?? '');
  const unique = new Map(recipients.map((each) => [each.toString(), each]));
  return {
    kind: 'complaint',
    type: /^[a-z0-9-]{1,40}/.exec(first(fields, 'feedback-type')?.toLowerCase() ?? '')?.[0] ?? 'other',
    recipients: [...unique.values()].slice(0, MOST_RECIPIENTS),
    ...optional('reporter', bounded(first(fields, 'user-agent') ?? first(fields, 'reporting-mta'))),
    ...optional('sourceIp', /^[0-9a-f.:]{3,45}$/i.exec(first(fields, 'source-ip') ?? '')?.[0]),
    about: { ...about, ...optional('returnPath', returnPath) },
  };
}

/** X-Failed-Recipients of Exim and of those who follow it: the words are in the text for people. */
function failedRecipients(top: readonly Field[], parts: readonly Part[], about: About): Feedback | undefined {
  const named = all(top, 'x-failed-recipients').flatMap((value) => value.split(','));
  const addresses = named
    .slice(0, MOST_RECIPIENTS)
    .map(mailboxIn)
    .filter((each) => each !== undefined);
  if (addresses.length === 0) return undefined;
  const text = parts.find(({ type }) => type.startsWith('text/'))?.text ?? '';
  const line = text.split('\n').find((each) => /^\s*(?:.{0,200}\s)?5\d\d[ -]/.test(each.slice(0, 400)));
  const diagnostic = bounded(/5\d\d[ -].*/.exec(line ?? '')?.[0]);
  const status = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(diagnostic ?? '')?.[0] ?? '5.0.0';
  return {
    kind: 'bounce',
    recipients: addresses.map((address) => ({
      address,
      action: 'failed',
      status,
      ...optional('diagnostic', diagnostic),
    })),
    about,
  };
}

/** From the returned original or its header (RFC 6522 §3, RFC 6533 §4). */
function aboutOf(parts: readonly Part[]): About {
  const returned = parts.find(({ type }) =>
    /^(?:message\/(?:rfc822|global|rfc822-headers|global-headers)|text\/rfc822-headers)$/.test(type),
  );
  if (returned === undefined) return {};
  const { fields } = split(returned.text.trimStart());
  return {
    ...optional('messageId', /<[!-;=?-~]{1,250}>/.exec(first(fields, 'message-id') ?? '')?.[0]),
    ...optional('returnPath', mailboxIn(first(fields, 'return-path') ?? '')),
  };
}

/** `rfc822; ann@example.org` or `utf-8; …` (RFC 6533 §3). */
function addressOf(value: string | undefined): Mailbox | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(';');
  const type = value.slice(0, Math.max(0, end)).trim().toLowerCase();
  const address = value.slice(end + 1).trim();
  return mailboxIn(type === 'utf-8' ? (parseUnicodeXtext(address) ?? address) : address);
}

function mailboxIn(text: string): Mailbox | undefined {
  const bare = text
    .trim()
    .replace(/\s+\([^()]{0,200}\)$/, '')
    .replace(/^<(.*)>$/, '$1');
  return parseMailbox(bare, { smtputf8: true });
}

/** Without its type: `smtp; 550 …`, `dns; mx.example.org`. */
function typed(value: string | undefined): string | undefined {
  return bounded(value?.replace(/^[a-z0-9-]{1,40}\s*;\s*/i, ''));
}

function bounded(value: string | undefined): string | undefined {
  const text = value
    ?.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST);
  return text === '' ? undefined : text;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}
