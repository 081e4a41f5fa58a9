// The parameters of MAIL and RCPT, for the extensions that a session offers at the moment.
// Whether a value is acceptable (a size, a notification) is for the session; here it is well formed or not.

import { parseMailbox } from './address.ts';
import { parseHoldFor, parseHoldUntil } from './future-release.ts';
import type { Fault } from './reply.ts';
import { parseUnicodeXtext, parseXtext } from './xtext.ts';

export type BodyType = '7BIT' | '8BITMIME' | 'BINARYMIME';
export type Notify = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY';

export interface MailParameters {
  /** Octets (RFC 1870). Beyond 2^53 not exact, which no limit will notice. */
  readonly size?: number;
  readonly body?: BodyType;
  readonly smtputf8?: true;
  readonly ret?: 'FULL' | 'HDRS';
  /** Decoded. */
  readonly envid?: string;
  /** Decoded: a mailbox, or `<>` (RFC 4954 §5). */
  readonly auth?: string;
  readonly requiretls?: true;
  /** Seconds for which the message is held (RFC 4865); or `holdUntil`. */
  readonly holdFor?: number;
  /** The time until which it is held, in RFC 3339 form as the client wrote it. */
  readonly holdUntil?: string;
}

export interface RcptParameters {
  readonly notify?: readonly Notify[];
  /** The type in small letters, the address decoded. */
  readonly orcpt?: { readonly type: string; readonly address: string };
}

/** Which extensions are on offer now: their parameters are understood, all others refused. */
export interface ParameterSupport {
  readonly size: boolean;
  readonly eightBitMime: boolean;
  readonly binaryMime: boolean;
  readonly smtputf8: boolean;
  readonly dsn: boolean;
  readonly auth: boolean;
  readonly requiretls: boolean;
  readonly futureRelease: boolean;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type Parsed<T> = { readonly parameters: T } | { readonly fault: Fault };

const NO_PARAMETERS: { readonly parameters: Record<never, never> } = Object.freeze({
  parameters: Object.freeze({}),
});

/** Reads what stands behind the path of MAIL. */
export function parseMailParameters(rest: string, support: ParameterSupport): Parsed<MailParameters> {
  if (rest === '') return NO_PARAMETERS;
  const parameters: Draft<MailParameters> = {};
  const fault = readEach(rest, (keyword, value) => readMailParameter(keyword, value, support, parameters));
  return fault === undefined ? { parameters } : { fault };
}

/** Reads what stands behind the path of RCPT. */
export function parseRcptParameters(rest: string, support: ParameterSupport): Parsed<RcptParameters> {
  if (rest === '') return NO_PARAMETERS;
  const parameters: Draft<RcptParameters> = {};
  const fault = readEach(rest, (keyword, value) => readRcptParameter(keyword, value, support, parameters));
  return fault === undefined ? { parameters } : { fault };
}

/** What the reading of one parameter says: `unknown` covers what is not on offer. */
type Reading = 'good' | 'bad' | 'unknown';

function readMailParameter(
  keyword: string,
  value: string | undefined,
  support: ParameterSupport,
  parameters: Draft<MailParameters>,
): Reading {
  switch (keyword) {
    case 'SIZE':
      if (!support.size) return 'unknown';
      // RFC 1870 §3: 1*20DIGIT
      if (value === undefined || !/^\d{1,20}$/.test(value)) return 'bad';
      parameters.size = Number(value);
      return 'good';
    case 'BODY':
      return readBody(value?.toUpperCase(), support, parameters);
    case 'SMTPUTF8':
      if (!support.smtputf8) return 'unknown';
      // RFC 6531 §3.1 item 4: no value.
      if (value !== undefined) return 'bad';
      parameters.smtputf8 = true;
      return 'good';
    case 'REQUIRETLS':
      if (!support.requiretls) return 'unknown';
      // RFC 8689 §2: no value.
      if (value !== undefined) return 'bad';
      parameters.requiretls = true;
      return 'good';
    case 'HOLDFOR': {
      if (!support.futureRelease) return 'unknown';
      const holdFor = parseHoldFor(value);
      if (holdFor === undefined) return 'bad';
      parameters.holdFor = holdFor;
      return 'good';
    }
    case 'HOLDUNTIL': {
      if (!support.futureRelease) return 'unknown';
      const holdUntil = parseHoldUntil(value);
      if (holdUntil === undefined) return 'bad';
      parameters.holdUntil = holdUntil;
      return 'good';
    }
    case 'RET': {
      if (!support.dsn) return 'unknown';
      const ret = value?.toUpperCase();
      if (ret !== 'FULL' && ret !== 'HDRS') return 'bad';
      parameters.ret = ret;
      return 'good';
    }
    case 'ENVID': {
      if (!support.dsn) return 'unknown';
      // RFC 3461 §4.4: at most 100 characters, printable ASCII once decoded.
      const envid = value === undefined || value.length > 100 ? undefined : parseXtext(value);
      if (envid === undefined || !/^[ -~]+$/.test(envid)) return 'bad';
      parameters.envid = envid;
      return 'good';
    }
    case 'AUTH': {
      if (!support.auth) return 'unknown';
      const auth = value === undefined ? undefined : parseXtext(value);
      if (auth === undefined) return 'bad';
      if (auth !== '<>' && parseMailbox(auth, support) === undefined) return 'bad';
      parameters.auth = auth;
      return 'good';
    }
    default:
      return 'unknown';
  }
}

function readBody(
  body: string | undefined,
  support: ParameterSupport,
  parameters: Draft<MailParameters>,
): Reading {
  if (!support.eightBitMime && !support.binaryMime) return 'unknown';
  if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return 'bad';
  if (body === 'BINARYMIME' ? !support.binaryMime : body === '8BITMIME' && !support.eightBitMime)
    return 'unknown';
  parameters.body = body;
  return 'good';
}

function readRcptParameter(
  keyword: string,
  value: string | undefined,
  support: ParameterSupport,
  parameters: Draft<RcptParameters>,
): Reading {
  if (!support.dsn) return 'unknown';
  if (keyword === 'NOTIFY') {
    const notify = readNotify(value);
    if (notify === undefined) return 'bad';
    parameters.notify = notify;
    return 'good';
  }
  if (keyword === 'ORCPT') {
    const orcpt = readOrcpt(value);
    if (orcpt === undefined) return 'bad';
    parameters.orcpt = orcpt;
    return 'good';
  }
  return 'unknown';
}

/** RFC 3461 §4.1: NEVER stands alone. */
function readNotify(value: string | undefined): readonly Notify[] | undefined {
  const wanted = new Set<Notify>();
  for (const word of value?.toUpperCase().split(',') ?? ['']) {
    if (word !== 'NEVER' && word !== 'SUCCESS' && word !== 'FAILURE' && word !== 'DELAY') return undefined;
    wanted.add(word);
  }
  return wanted.has('NEVER') && value?.length !== 'NEVER'.length ? undefined : [...wanted];
}

/** RFC 3461 §4.2: addr-type ";" xtext, at most 500 characters; RFC 6533 §3 for the type utf-8. */
function readOrcpt(value: string | undefined): RcptParameters['orcpt'] | undefined {
  if (value === undefined || value.length > 500) return undefined;
  const semicolon = value.indexOf(';');
  const type = value.slice(0, Math.max(semicolon, 0)).toLowerCase();
  if (!/^[a-z0-9!#$%&'*/?^_`{|}~-]+$/.test(type)) return undefined;
  const encoded = value.slice(semicolon + 1);
  const address = type === 'utf-8' ? parseUnicodeXtext(encoded) : parseXtext(encoded);
  // It will stand in a header field of a report: nothing in it may end a line there.
  if (address === undefined || address === '' || /[\p{Cc}\p{Cs}]/u.test(address)) return undefined;
  return { type, address };
}

// RFC 5321 §4.1.2: esmtp-keyword, and esmtp-value with the UTF-8 of RFC 6531 §3.3.
const KEYWORD = /^[A-Z0-9][A-Z0-9-]*$/;
const VALUE = /^[!-<>-~\u00a0-\uffff]+$/;

function readEach(
  rest: string,
  read: (keyword: string, value: string | undefined) => Reading,
): Fault | undefined {
  const seen = new Set<string>();
  for (const parameter of rest.split(' ')) {
    if (parameter === '') continue;
    const equals = parameter.indexOf('=');
    const keyword = (equals === -1 ? parameter : parameter.slice(0, equals)).toUpperCase();
    const value = equals === -1 ? undefined : parameter.slice(equals + 1);
    if (!KEYWORD.test(keyword) || (value !== undefined && !VALUE.test(value))) {
      return { code: 501, status: '5.5.4', text: 'Syntax error in parameters' };
    }
    if (seen.has(keyword)) return { code: 501, status: '5.5.4', text: `Parameter ${keyword} given twice` };
    seen.add(keyword);
    const reading = read(keyword, value);
    // RFC 5321 §4.1.1.11
    if (reading === 'unknown')
      return { code: 555, status: '5.5.4', text: `Parameter ${parameter} not recognised` };
    if (reading === 'bad') return { code: 501, status: '5.5.4', text: `Bad value for parameter ${keyword}` };
  }
  return undefined;
}
