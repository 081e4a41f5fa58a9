// The words of notices: one template for each action, in the operator's language, checked before it is used. A template
// is a text whose first line is `Subject: …`, then an empty line, then what people read. Pure.

import { ACTIONS, type Action } from './news.ts';

export interface NoticeTemplate {
  readonly subject: string;
  /** LF-terminated lines; `{recipients}` stands on a line of its own. */
  readonly text: string;
}

/** Characters of one template. */
const LONGEST = 16_384;
/** Characters of a subject. */
const LONGEST_SUBJECT = 200;

const PLACEHOLDERS = ['hostname', 'sender', 'arrived', 'recipients'];

/** The template, or what is wrong with it in words for the operator. */
export function parseNoticeTemplate(
  source: string,
  action: Action,
): NoticeTemplate | { readonly fault: string } {
  if (source.length > LONGEST) return { fault: `is longer than ${LONGEST} characters` };
  const lines = source.replace(/\r\n/g, '\n').trimEnd().split('\n');
  const subject = /^Subject: *(\S.*)$/i.exec((lines[0] ?? '').trimEnd())?.[1];
  if (subject === undefined) return { fault: 'must begin with a line `Subject: …`' };
  if (subject.length > LONGEST_SUBJECT)
    return { fault: `has a subject of more than ${LONGEST_SUBJECT} characters` };
  if (subject.includes('{'))
    return { fault: 'has a placeholder in its subject; they stand in the text only' };
  if ((lines[1] ?? '').trim() !== '') return { fault: 'must have an empty line behind its subject' };
  const text = lines.slice(2).join('\n');
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(`${subject}${text.replaceAll('\n', '')}`))
    return { fault: 'has a control character' };
  if (!/^\{recipients\}$/m.test(text)) return { fault: 'must have a line `{recipients}`, for the addresses' };
  const known = action === 'delayed' ? [...PLACEHOLDERS, 'expires'] : PLACEHOLDERS;
  for (const [written, name = ''] of text.matchAll(/\{([^{}\n]*)\}/g)) {
    if (!known.includes(name))
      return { fault: `has an unknown placeholder ${written}; there are {${known.join('}, {')}}` };
  }
  return { subject, text };
}

const ATTACHED = 'Attached are a report for mail programs, and your message or its header.';

/** What is said where the operator says nothing. */
export const ENGLISH: Readonly<Record<Action, NoticeTemplate>> = {
  failed: {
    subject: 'Your message could not be delivered',
    text: `Hello,

this is the mail server {hostname}. I am sorry to tell you that your message of {arrived} could not be delivered as addressed below. It will not be tried again.

{recipients}

If the address is right and the problem remains, please ask the recipient in another way, or the postmaster of the domain.

${ATTACHED}`,
  },
  delayed: {
    subject: 'Your message is delayed',
    text: `Hello,

this is the mail server {hostname}. Your message of {arrived} could not be delivered yet as addressed below. You need not do anything: it will be tried again until {expires}, and you will be told if that is in vain.

{recipients}

${ATTACHED}`,
  },
  delivered: {
    subject: 'Your message has been delivered',
    text: `Hello,

this is the mail server {hostname}. As you asked, this is to tell you that your message of {arrived} has been delivered to:

{recipients}

That it has arrived does not mean that it has been read.

${ATTACHED}`,
  },
  relayed: {
    subject: 'Your message has been passed on',
    text: `Hello,

this is the mail server {hostname}. Your message of {arrived} has been given to the next mail server on its way to:

{recipients}

That server sends no notices of delivery, so you will hear of it only if something goes wrong.

${ATTACHED}`,
  },
  expanded: {
    subject: 'Your message has been sent on to several addresses',
    text: `Hello,

this is the mail server {hostname}. Your message of {arrived} has arrived at the address below, which stands for several others, and has been sent on to them:

{recipients}

You will hear more only if something goes wrong.

${ATTACHED}`,
  },
};

/** The operator's templates, English for the others. Throws a TypeError for one that is none. */
export function noticeTemplates(
  written: Readonly<Partial<Record<Action, string>>>,
): Readonly<Record<Action, NoticeTemplate>> {
  const templates = { ...ENGLISH };
  for (const action of ACTIONS) {
    const source = written[action];
    if (source === undefined) continue;
    const parsed = parseNoticeTemplate(source, action);
    if ('fault' in parsed) throw new TypeError(`the template for ${action} ${parsed.fault}`);
    templates[action] = parsed;
  }
  return templates;
}
