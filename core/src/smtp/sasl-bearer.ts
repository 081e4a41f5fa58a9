// OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner: the client brings a bearer token that somebody else has issued.

import {
  decodeUtf8,
  encodeUtf8,
  type LoginAnswer,
  NO_BYTES,
  refuse,
  type SaslExchange,
  type SaslStep,
} from './sasl.ts';
import { conclude } from './sasl-plain.ts';
import { parseGs2Header } from './scram-messages.ts';

const SEPARATOR = '\u0001';
// RFC 6750 §2.1
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

// What the client is told before it acknowledges and hears 535: RFC 7628 §3.2.2, and what XOAUTH2 clients know.
const INVALID_TOKEN = encodeUtf8('{"status":"invalid_token"}');
const STATUS_401 = encodeUtf8('{"status":"401","schemes":"bearer"}');

export class BearerExchange implements SaslExchange {
  readonly #mechanism: 'OAUTHBEARER' | 'XOAUTH2';
  #refused: SaslStep | undefined;

  constructor(mechanism: 'OAUTHBEARER' | 'XOAUTH2') {
    this.#mechanism = mechanism;
  }

  begin(): SaslStep {
    return { do: 'challenge', bytes: NO_BYTES };
  }

  respond(response: Uint8Array): SaslStep {
    // Whatever the client says to the error, the exchange is over (RFC 7628 §3.2.3).
    if (this.#refused !== undefined) return this.#refused;
    const text = decodeUtf8(response);
    if (text === undefined || text.includes('\0')) return refuse(`Malformed ${this.#mechanism} response`);
    return this.#mechanism === 'XOAUTH2' ? this.#xoauth2(text) : this.#oauthBearer(text);
  }

  answered(answer: LoginAnswer): SaslStep {
    if (answer.kind !== 'reject') return conclude(answer);
    this.#refused = conclude(answer);
    return { do: 'challenge', bytes: this.#mechanism === 'XOAUTH2' ? STATUS_401 : INVALID_TOKEN };
  }

  /** RFC 7628 §3.1: gs2-header kvsep *kvpair kvsep */
  #oauthBearer(text: string): SaslStep {
    const header = parseGs2Header(text);
    if (header === undefined || !text.startsWith(SEPARATOR, header.text.length))
      return refuse('Malformed OAUTHBEARER response');
    // RFC 7628 §3.1: there is no channel to bind a bearer token to.
    if (header.flag === 'p') return refuse('OAUTHBEARER has no channel binding');
    const token = tokenOf(text.slice(header.text.length + 1), SEPARATOR);
    if (token === undefined) return refuse('Malformed OAUTHBEARER response');
    return this.#ask(header.authorize, token);
  }

  /** user=<address> ^A auth=Bearer <token> ^A ^A */
  #xoauth2(text: string): SaslStep {
    const end = text.indexOf(SEPARATOR);
    const user = text.slice(5, end);
    if (!text.startsWith('user=') || end === -1 || user === '') return refuse('Malformed XOAUTH2 response');
    const token = tokenOf(text.slice(end + 1), SEPARATOR);
    if (token === undefined) return refuse('Malformed XOAUTH2 response');
    return this.#ask(user, token);
  }

  #ask(user: string, token: string): SaslStep {
    return { do: 'ask', login: { kind: 'token', mechanism: this.#mechanism, user, token } };
  }
}

/** The bearer token in a list of key=value pairs, each ended by a separator, the list by one more. */
function tokenOf(pairs: string, separator: string): string | undefined {
  if (!pairs.endsWith(separator + separator)) return undefined;
  let token: string | undefined;
  for (const pair of pairs.slice(0, -2).split(separator)) {
    // RFC 7628 §3.1: key = 1*ALPHA. Host, port and the keys of other schemes say nothing to us.
    const [, key, value] = /^([A-Za-z]+)=([^\0]*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined) return undefined;
    if (key.toLowerCase() !== 'auth') continue;
    if (token !== undefined) return undefined;
    token = BEARER.exec(value)?.[1];
    if (token === undefined) return undefined;
  }
  return token;
}
