// MAIL and RCPT as a milter hears them: the path in angle brackets, then the parameters as the client wrote them. Pure.

import type { Mailbox, MailParameters, RcptParameters, ReversePath } from '@posthouse/core';
import { string } from './protocol.ts';

export function mailArguments(sender: ReversePath, parameters: MailParameters): string {
  const { size, body, smtputf8, ret, envid, auth, requiretls } = parameters;
  const written = [
    size !== undefined && `SIZE=${size}`,
    body !== undefined && `BODY=${body}`,
    smtputf8 === true && 'SMTPUTF8',
    ret !== undefined && `RET=${ret}`,
    envid !== undefined && `ENVID=${xtext(envid)}`,
    auth !== undefined && `AUTH=${xtext(auth)}`,
    requiretls === true && 'REQUIRETLS',
  ];
  return [`<${sender?.toString() ?? ''}>`, ...written.filter((each) => each !== false)].map(string).join('');
}

export function rcptArguments(recipient: Mailbox, { notify, orcpt }: RcptParameters): string {
  const written = [
    notify !== undefined && `NOTIFY=${notify.join(',')}`,
    orcpt !== undefined && `ORCPT=${orcpt.type};${xtext(orcpt.address)}`,
  ];
  return [`<${recipient.toString()}>`, ...written.filter((each) => each !== false)].map(string).join('');
}

/** RFC 3461 §4. */
function xtext(text: string): string {
  return text.replace(
    /[^!-*,-<>-~]/g,
    (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
