// What a notice says to people: a template filled in, and its subject as a header field. Whatever is filled in, the
// text has no overlong line and no control character. Pure.

import { describeStatus } from '../smtp/index.ts';
import type { RecipientNews } from './news.ts';
import type { NoticeFacts } from './notice.ts';
import { isAscii, oneLine, wrapped } from './report-text.ts';

export function noticeText(facts: NoticeFacts): string {
  const { template, hostname, original, arrived, expires, news } = facts;
  const values: Readonly<Record<string, string>> = { hostname, sender: original.sender, arrived, expires };
  return template.text
    .split('\n')
    .flatMap((line) => {
      if (line === '{recipients}') return recipientLines(news);
      // One pass: what is filled in is not looked through for placeholders.
      return wrapped(
        line.replace(/\{([a-z]+)\}/g, (written, name: string) => oneLine(values[name] ?? written)),
        '',
      );
    })
    .map((line) => `${line}\r\n`)
    .join('');
}

function recipientLines(news: readonly RecipientNews[]): string[] {
  return news.flatMap((each, index) => [...(index === 0 ? [] : ['']), ...aboutRecipient(each)]);
}

function aboutRecipient({ action, recipient, status, text, remote }: RecipientNews): string[] {
  const address = `<${oneLine(recipient.address)}>`;
  if (action !== 'failed' && action !== 'delayed') return [address];
  const why = remote === undefined ? oneLine(text) : `${oneLine(remote.host)}: ${oneLine(remote.reply)}`;
  return [address, ...wrapped(`${describeStatus(status)} (${status}).`, '    '), ...wrapped(why, '    ')];
}

/** Octets that an encoded word may hold, so that it stays within 75 characters (RFC 2047 §2). */
const WORD = 45;

/** RFC 2047 for what is not ASCII, folded at its words. */
export function subjectField(subject: string): string {
  if (isAscii(subject)) return wrapped(`Subject: ${subject}`, '', '\t').join('\r\n');
  const words: string[] = [];
  let word = '';
  for (const character of subject) {
    if (Buffer.byteLength(word + character) > WORD) {
      words.push(word);
      word = character;
    } else word += character;
  }
  const encoded = [...words, word].map(
    (each) => `=?utf-8?B?${Buffer.from(each, 'utf8').toString('base64')}?=`,
  );
  return `Subject: ${encoded.join('\r\n\t')}`;
}
