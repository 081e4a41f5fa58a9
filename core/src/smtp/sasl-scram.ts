// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the client proves that it knows the password and never
// sends it, the server proves that it knows the stored keys, and -PLUS ties both to the TLS channel.

import { encodeBase64 } from './base64.ts';
import {
  decodeUtf8,
  encodeUtf8,
  type LoginAnswer,
  refuse,
  type SaslExchange,
  type SaslStep,
} from './sasl.ts';
import { conclude, otherIdentity } from './sasl-plain.ts';
import { type ClientFirst, parseClientFinal, parseClientFirst } from './scram-messages.ts';
import { credentialsRefused } from './session-replies.ts';

/** What the exchange takes from the world. */
export interface ScramTools {
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** SHA-256. */
  hash(data: Uint8Array): Uint8Array;
  /** Our part of the nonce: unguessable, printable, no comma. */
  nonce(): string;
  /** The data of a type of channel binding on this connection; undefined where it cannot be had. */
  channelBinding(type: string): Uint8Array | undefined;
}

type Mechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';
type Keys = Extract<LoginAnswer, { kind: 'scram-keys' }>;

const NOT_BOUND: Uint8Array = new Uint8Array(0);

export class ScramExchange implements SaslExchange {
  readonly #mechanism: Mechanism;
  /** The client could have had -PLUS. */
  readonly #plusOffered: boolean;
  readonly #tools: ScramTools;
  #first: ClientFirst | undefined;
  #keys: Keys | undefined;
  #serverFirst = '';
  #nonce = '';
  #signature: Uint8Array | undefined;
  #user: string | undefined;

  constructor(mechanism: Mechanism, plusOffered: boolean, tools: ScramTools) {
    this.#mechanism = mechanism;
    this.#plusOffered = plusOffered;
    this.#tools = tools;
  }

  begin(): SaslStep {
    return { do: 'challenge', bytes: NOT_BOUND };
  }

  respond(response: Uint8Array): SaslStep {
    if (this.#user !== undefined) return this.#acknowledged(response);
    const text = decodeUtf8(response);
    if (text === undefined) return refuse(`Malformed ${this.#mechanism} response`);
    return this.#keys === undefined ? this.#clientFirst(text) : this.#clientFinal(text, this.#keys);
  }

  answered(answer: LoginAnswer): SaslStep {
    if (answer.kind === 'scram-keys') return this.#challenge(answer);
    if (answer.kind !== 'accept' || this.#signature === undefined) return conclude(answer);
    // RFC 4954 §4 has no data in the 235, so the server's signature is a challenge that the client acknowledges.
    this.#user = answer.user;
    return { do: 'challenge', bytes: encodeUtf8(`v=${encodeBase64(this.#signature)}`) };
  }

  #clientFirst(text: string): SaslStep {
    const first = parseClientFirst(text);
    if (first === undefined) return refuse('Malformed client-first-message');
    const { flag, authorize } = first.header;
    if ((flag === 'p') !== (this.#mechanism === 'SCRAM-SHA-256-PLUS'))
      return refuse('Channel binding and mechanism do not fit');
    // RFC 5802 §6: the client can bind and did not see our offer. Somebody has taken it out.
    if (flag === 'y' && this.#plusOffered) return { do: 'fail', reply: credentialsRefused() };
    if (authorize !== '' && authorize !== first.user) return otherIdentity();
    if (this.#bindingOf(first) === undefined) return refuse('Channel binding type not supported');
    this.#first = first;
    return { do: 'ask', login: { kind: 'scram-keys', mechanism: this.#mechanism, user: first.user } };
  }

  /** server-first-message = nonce "," salt "," iteration-count */
  #challenge(answer: Keys): SaslStep {
    this.#keys = answer;
    this.#nonce = `${this.#first?.nonce}${this.#tools.nonce()}`;
    const { salt, iterations } = answer.keys;
    this.#serverFirst = `r=${this.#nonce},s=${encodeBase64(salt)},i=${iterations}`;
    return { do: 'challenge', bytes: encodeUtf8(this.#serverFirst) };
  }

  /** RFC 5802 §3: the proof, and our signature over the same. */
  #clientFinal(text: string, { user, keys }: Keys): SaslStep {
    const first = this.#first as ClientFirst;
    const final = parseClientFinal(text);
    if (final === undefined) return refuse('Malformed client-final-message');
    const { hmac, hash } = this.#tools;
    const message = encodeUtf8(`${first.bare},${this.#serverFirst},${final.withoutProof}`);
    const signature = hmac(keys.storedKey, message);
    const clientKey = final.proof.map((octet, index) => octet ^ (signature[index] ?? 0));
    // Each is looked at whatever the others say.
    const proven = equal(hash(clientKey), keys.storedKey);
    const bound = equal(final.binding, this.#bindingOf(first) ?? NOT_BOUND);
    const fresh = final.nonce === this.#nonce;
    this.#signature = hmac(keys.serverKey, message);
    return {
      do: 'ask',
      login: {
        kind: 'scram-proof',
        mechanism: this.#mechanism,
        user,
        claimed: first.user,
        valid: proven && bound && fresh && user !== undefined,
      },
    };
  }

  /** The client has seen our signature. Anything but an empty response means that it does not like it. */
  #acknowledged(response: Uint8Array): SaslStep {
    if (response.length > 0) return refuse('An empty response was expected');
    return { do: 'succeed', user: this.#user as string };
  }

  /** cbind-input = gs2-header [cbind-data] (RFC 5802 §7); undefined where the channel has no such data. */
  #bindingOf({ header }: ClientFirst): Uint8Array | undefined {
    const data = header.flag === 'p' ? this.#tools.channelBinding(header.bindingType ?? '') : NOT_BOUND;
    if (data === undefined) return undefined;
    const text = encodeUtf8(header.text);
    const input = new Uint8Array(text.length + data.length);
    input.set(text);
    input.set(data, text.length);
    return input;
  }
}

/** Takes the same time wherever the first difference is. */
function equal(left: Uint8Array, right: Uint8Array): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
