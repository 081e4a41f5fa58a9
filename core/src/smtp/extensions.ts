// What EHLO offers now, and so which parameters MAIL and RCPT may carry. One table decides both:
// nothing is advertised that is not done, and what is not advertised is refused.

import { XCLIENT_KEYWORD, XFORWARD_KEYWORD } from './client-attributes.ts';
import type { ParameterSupport } from './parameters.ts';
import type { SessionOptions } from './session-steps.ts';

export interface Extensions {
  /** The limit that SIZE announces (RFC 1870). */
  readonly messageSize: number;
  /** Recipients of one transaction. */
  readonly recipients: number;
  /** Transactions of one session. */
  readonly messagesPerSession: number;
  /** Messages may be binary (RFC 3030 §3). */
  readonly binaryMime: boolean;
  /** STARTTLS can be had now: configured, and TLS is not up yet (RFC 3207). */
  readonly startTls: boolean;
  /** The mechanisms of AUTH that can be used now (RFC 4954 §3). */
  readonly auth: readonly string[];
  /** The client is trusted to speak for others: XCLIENT and XFORWARD. */
  readonly xclient: SessionOptions['xclient'];
}

/** The lines of the EHLO reply after the first (RFC 5321 §4.1.1.1). */
export function ehloKeywords(extensions: Extensions): readonly string[] {
  const keywords = [
    'PIPELINING', // RFC 2920
    `SIZE ${extensions.messageSize}`, // RFC 1870
    '8BITMIME', // RFC 6152
    'SMTPUTF8', // RFC 6531
    'ENHANCEDSTATUSCODES', // RFC 2034
    'DSN', // RFC 3461
    limitsKeyword(extensions), // RFC 9422
    'CHUNKING', // RFC 3030 §2
  ];
  if (extensions.binaryMime) keywords.push('BINARYMIME'); // RFC 3030 §3
  if (extensions.startTls) keywords.push('STARTTLS');
  if (extensions.auth.length > 0) keywords.push(`AUTH ${extensions.auth.join(' ')}`);
  if (extensions.xclient === 'offered') keywords.push(XCLIENT_KEYWORD, XFORWARD_KEYWORD);
  return keywords;
}

/** RFC 9422 §4: no limit that is announced has more than six digits. */
const HIGHEST_LIMIT = 999_999;

function limitsKeyword({ messagesPerSession, recipients }: Extensions): string {
  const mail = Math.min(messagesPerSession, HIGHEST_LIMIT);
  return `LIMITS MAILMAX=${mail} RCPTMAX=${Math.min(recipients, HIGHEST_LIMIT)}`;
}

/** After EHLO: what the keywords above promise. */
export const EHLO_SUPPORT: ParameterSupport = {
  size: true,
  eightBitMime: true,
  binaryMime: false,
  smtputf8: true,
  dsn: true,
  auth: false,
  requiretls: false,
};

const EHLO_AUTH: ParameterSupport = { ...EHLO_SUPPORT, auth: true };
const EHLO_BINARY: ParameterSupport = { ...EHLO_SUPPORT, binaryMime: true };
const EHLO_AUTH_BINARY: ParameterSupport = { ...EHLO_AUTH, binaryMime: true };

/** @param auth AUTH can be used, or has been. @param binaryMime BINARYMIME is offered. */
export function ehloSupport(auth: boolean, binaryMime: boolean): ParameterSupport {
  if (binaryMime) return auth ? EHLO_AUTH_BINARY : EHLO_BINARY;
  return auth ? EHLO_AUTH : EHLO_SUPPORT;
}

/** After HELO no extension is in force (RFC 5321 §4.1.1.1). */
export const HELO_SUPPORT: ParameterSupport = {
  size: false,
  eightBitMime: false,
  binaryMime: false,
  smtputf8: false,
  dsn: false,
  auth: false,
  requiretls: false,
};
