// SASL (RFC 4422) from the client's side, the counterpart of sasl.ts: what is said to a server that asks who we are.
// Pure: the hashes and the nonce of SCRAM are given.

import { decodeBase64, encodeBase64 } from './base64.ts';
import { decodeUtf8, encodeUtf8 } from './sasl.ts';

export interface SaslClient {
  readonly mechanism: ClientMechanism;
  /** What may go with the AUTH command; undefined where the server speaks first. */
  readonly initial: Uint8Array | undefined;
  /** Undefined: the challenge is nonsense, or the server has not proven what it had to. */
  respond(challenge: Uint8Array): Uint8Array | undefined;
  /** The server may say 235 now. Before, it lies. */
  readonly isDone: boolean;
}

/** The strongest first: with SCRAM the password does not travel. */
export const CLIENT_MECHANISMS = ['SCRAM-SHA-256', 'XOAUTH2', 'PLAIN', 'LOGIN'] as const;
export type ClientMechanism = (typeof CLIENT_MECHANISMS)[number];

export interface ScramClientTools {
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  hash(data: Uint8Array): Uint8Array;
  /** PBKDF2 with HMAC-SHA-256, 32 octets: Hi() of RFC 5802 §2.2. */
  hi(password: string, salt: Uint8Array, iterations: number): Uint8Array;
  /** Unguessable, printable, no comma. */
  nonce(): string;
}

const NOTHING = new Uint8Array(0);
// RFC 7677 §4: at least 4096. Above the bound a server would keep us busy.
const MIN_ITERATIONS = 4096;
const MAX_ITERATIONS = 100_000;

/** RFC 4616 */
export function plainClient(user: string, password: string): SaslClient {
  const initial = encodeUtf8(`\0${user}\0${password}`);
  return { mechanism: 'PLAIN', initial, isDone: true, respond: () => undefined };
}

/** draft-murchison-sasl-login: whatever the prompts say, the name comes first. */
export function loginClient(user: string, password: string): SaslClient {
  const answers = [user, password].map(encodeUtf8);
  return {
    mechanism: 'LOGIN',
    initial: undefined,
    get isDone() {
      return answers.length === 0;
    },
    respond: () => answers.shift(),
  };
}

export function xoauth2Client(user: string, token: string): SaslClient {
  const initial = encodeUtf8(`user=${user}\x01auth=Bearer ${token}\x01\x01`);
  // A challenge says why the token is refused; the reply comes after an empty answer.
  return { mechanism: 'XOAUTH2', initial, isDone: true, respond: () => NOTHING };
}

/** SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. */
export class ScramClient implements SaslClient {
  readonly mechanism = 'SCRAM-SHA-256';
  readonly initial: Uint8Array;
  readonly #bare: string;
  readonly #nonce: string;
  readonly #password: string;
  readonly #tools: ScramClientTools;
  #signature: string | undefined;
  #proven = false;

  constructor(user: string, password: string, tools: ScramClientTools) {
    this.#nonce = tools.nonce();
    // RFC 5802 §5.1
    const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#bare = `n=${name},r=${this.#nonce}`;
    this.initial = encodeUtf8(`n,,${this.#bare}`);
    this.#password = password;
    this.#tools = tools;
  }

  get isDone(): boolean {
    return this.#proven;
  }

  respond(challenge: Uint8Array): Uint8Array | undefined {
    const text = decodeUtf8(challenge) ?? '';
    if (this.#signature === undefined) return this.#prove(text);
    // RFC 5802 §3: only who has the stored keys can sign.
    if (this.#proven || text.split(',', 1)[0] !== `v=${this.#signature}`) return undefined;
    this.#proven = true;
    return NOTHING;
  }

  #prove(serverFirst: string): Uint8Array | undefined {
    const match = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})(?:,|$)/.exec(serverFirst);
    if (match === null) return undefined;
    const [, nonce = '', salt = '', count = ''] = match;
    const octets = decodeBase64(salt);
    const iterations = Number(count);
    const isOurs = nonce.startsWith(this.#nonce) && nonce.length > this.#nonce.length;
    if (!isOurs || octets === undefined || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
      return undefined;
    const { hmac, hash, hi } = this.#tools;
    const salted = hi(this.#password, octets, iterations);
    const clientKey = hmac(salted, encodeUtf8('Client Key'));
    // biws: the GS2 header `n,,` in BASE64.
    const final = `c=biws,r=${nonce}`;
    const message = encodeUtf8(`${this.#bare},${serverFirst},${final}`);
    const signature = hmac(hash(clientKey), message);
    const proof = clientKey.map((octet, index) => octet ^ (signature[index] ?? 0));
    this.#signature = encodeBase64(hmac(hmac(salted, encodeUtf8('Server Key')), message));
    return encodeUtf8(`${final},p=${encodeBase64(proof)}`);
  }
}
