// What EHLO offers now, and so which parameters MAIL and RCPT may carry. One table decides both:
// nothing is advertised that is not done, and what is not advertised is refused.

import { XCLIENT_KEYWORD, XFORWARD_KEYWORD } from './client-attributes.ts';
import { type FutureReleaseOffer, futureReleaseKeyword } from './future-release.ts';
import type { ParameterSupport } from './parameters.ts';
import type { SessionOptions } from './session-steps.ts';

export interface Extensions {
  /** The limit that SIZE announces (RFC 1870). */
  readonly messageSize: number;
  /** Recipients of one transaction. */
  readonly recipients: number;
  /** Transactions of one session. */
  readonly messagesPerSession: number;
  /** The client may ask for notices (RFC 3461). */
  readonly dsn: boolean;
  /** Messages may be binary (RFC 3030 §3). */
  readonly binaryMime: boolean;
  /** STARTTLS can be had now: configured, and TLS is not up yet (RFC 3207). */
  readonly startTls: boolean;
  /** TLS is up: a client may ask that it stays so on all the way (RFC 8689 §2). */
  readonly requireTls: boolean;
  /** The mechanisms of AUTH that can be used now (RFC 4954 §3). */
  readonly auth: readonly string[];
  /** Messages may be held for this client (RFC 4865); undefined where they may not. */
  readonly futureRelease: FutureReleaseOffer | undefined;
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
  ];
  if (extensions.dsn) keywords.push('DSN'); // RFC 3461
  keywords.push(limitsKeyword(extensions), 'CHUNKING'); // RFC 9422, RFC 3030 §2
  if (extensions.binaryMime) keywords.push('BINARYMIME'); // RFC 3030 §3
  if (extensions.startTls) keywords.push('STARTTLS');
  if (extensions.requireTls) keywords.push('REQUIRETLS'); // RFC 8689
  if (extensions.auth.length > 0) keywords.push(`AUTH ${extensions.auth.join(' ')}`);
  if (extensions.futureRelease !== undefined) keywords.push(futureReleaseKeyword(extensions.futureRelease));
  if (extensions.xclient === 'offered') keywords.push(XCLIENT_KEYWORD, XFORWARD_KEYWORD);
  return keywords;
}

/** RFC 9422 §4: no limit that is announced has more than six digits. */
const HIGHEST_LIMIT = 999_999;

function limitsKeyword({ messagesPerSession, recipients }: Extensions): string {
  const mail = Math.min(messagesPerSession, HIGHEST_LIMIT);
  return `LIMITS MAILMAX=${mail} RCPTMAX=${Math.min(recipients, HIGHEST_LIMIT)}`;
}

/** Those of the extensions that a listener, or a client of it, may have to do without. */
export type Granted = Pick<ParameterSupport, 'auth' | 'binaryMime' | 'dsn' | 'requiretls' | 'futureRelease'>;

/** One for each combination, so that none is made for a command. */
const EHLO_SUPPORT: readonly ParameterSupport[] = Array.from({ length: 32 }, (_, bits) => ({
  size: true,
  eightBitMime: true,
  binaryMime: (bits & 1) !== 0,
  smtputf8: true,
  dsn: (bits & 2) !== 0,
  auth: (bits & 4) !== 0,
  requiretls: (bits & 8) !== 0,
  futureRelease: (bits & 16) !== 0,
}));

/** After EHLO: what the keywords above promise. */
export function ehloSupport(granted: Granted): ParameterSupport {
  const { binaryMime, dsn, auth, requiretls, futureRelease } = granted;
  const bits =
    (binaryMime ? 1 : 0) | (dsn ? 2 : 0) | (auth ? 4 : 0) | (requiretls ? 8 : 0) | (futureRelease ? 16 : 0);
  return EHLO_SUPPORT[bits] as ParameterSupport;
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
  futureRelease: false,
};
