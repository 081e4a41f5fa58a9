// What the arguments of MAIL and RCPT say, judged by what the session offers at the moment; or the refusal they earn.

import { type Mailbox, parseForwardPath, parseReversePath, type ReversePath } from './address.ts';
import { holdFault } from './future-release.ts';
import {
  type MailParameters,
  type ParameterSupport,
  parseMailParameters,
  parseRcptParameters,
  type RcptParameters,
} from './parameters.ts';
import { NON_ASCII_PARAMETER, refusalOf, TOO_LARGE } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

/** RFC 6531 §3.3 and RFC 6533 §3: a value may have more than this in a transaction with SMTPUTF8 alone. */
const ASCII = /^[ -~]*$/;

type Refused = { readonly refusal: Step };

/**
 * What stands behind `MAIL FROM:`.
 * @param identified the client has authenticated
 */
export function readMail(
  argument: string,
  support: ParameterSupport,
  { messageSize, futureRelease }: Pick<SessionOptions, 'messageSize' | 'futureRelease'>,
  identified: boolean,
): { readonly sender: ReversePath; readonly parameters: MailParameters } | Refused {
  // SMTPUTF8 stands behind the address that it allows, so the path is read leniently and judged afterwards.
  const parsed = parseReversePath(argument, { smtputf8: true });
  if ('fault' in parsed) return { refusal: refusalOf(parsed.fault) };
  const result = parseMailParameters(parsed.rest, support);
  if ('fault' in result) return { refusal: refusalOf(result.fault) };
  let { parameters } = result;
  // RFC 4954 §5: what a stranger says of somebody's identity is worth nothing.
  if (parameters.auth !== undefined && !identified) parameters = { ...parameters, auth: '<>' };
  if (parameters.smtputf8 !== true && parsed.path !== null && !parsed.path.isAscii) {
    const strict = parseReversePath(argument, { smtputf8: false });
    if ('fault' in strict) return { refusal: refusalOf(strict.fault) };
  }
  if (parameters.smtputf8 !== true && !ASCII.test(parsed.rest)) return { refusal: NON_ASCII_PARAMETER };
  const fault = futureRelease && holdFault(parameters, futureRelease);
  if (fault !== undefined) return { refusal: refusalOf(fault) };
  // RFC 1870 §6.1: what the client declares too large need not be sent.
  if (parameters.size !== undefined && parameters.size > messageSize) return { refusal: TOO_LARGE };
  return { sender: parsed.path, parameters };
}

/** What stands behind `RCPT TO:`. */
export function readRcpt(
  argument: string,
  support: ParameterSupport,
  smtputf8: boolean,
): { readonly recipient: Mailbox; readonly parameters: RcptParameters } | Refused {
  const parsed = parseForwardPath(argument, { smtputf8 });
  if ('fault' in parsed) return { refusal: refusalOf(parsed.fault) };
  const result = parseRcptParameters(parsed.rest, support);
  if ('fault' in result) return { refusal: refusalOf(result.fault) };
  if (!smtputf8 && !ASCII.test(parsed.rest)) return { refusal: NON_ASCII_PARAMETER };
  // Only a reverse-path can be null.
  return { recipient: parsed.path as Mailbox, parameters: result.parameters };
}
