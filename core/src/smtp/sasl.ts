// SASL (RFC 4422) from the server's side, as values: an exchange takes the client's responses and says what comes next.
// It is pure: what only the world can tell (passwords, keys, chance, TLS) is asked for or given as an argument.

import { type Reply, reply } from './reply.ts';
import type { Answer } from './session-steps.ts';

/** In the order of EHLO. Passwords that travel come first, since that is what most clients try. */
export const SASL_MECHANISMS = [
  'PLAIN', // RFC 4616
  'LOGIN', // draft-murchison-sasl-login, which every client knows
  'SCRAM-SHA-256', // RFC 7677
  'SCRAM-SHA-256-PLUS', // the same, bound to the TLS channel
  'OAUTHBEARER', // RFC 7628
  'XOAUTH2', // what OAUTHBEARER was before it was standardised
] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** What an exchange wants to know of whoever holds the users. */
export type Login =
  | {
      readonly kind: 'password';
      readonly mechanism: SaslMechanism;
      readonly user: string;
      readonly password: string;
    }
  | {
      readonly kind: 'token';
      readonly mechanism: SaslMechanism;
      /** Whom the client says it is; '' where it leaves that to the token. */
      readonly user: string;
      readonly token: string;
    }
  /** Salt, iterations and stored keys of a user, or of nobody: the client must not see which. */
  | { readonly kind: 'scram-keys'; readonly mechanism: SaslMechanism; readonly user: string }
  /** The client's proof has been held against the keys. */
  | {
      readonly kind: 'scram-proof';
      readonly mechanism: SaslMechanism;
      /** The name that came with the keys; undefined where there is no such user. */
      readonly user: string | undefined;
      /** What the client called itself. */
      readonly claimed: string;
      readonly valid: boolean;
    };

/** What is stored of a password for SCRAM (RFC 5802 §3). */
export interface ScramKeys {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The answer to a Login: a `reject` says that the credentials are no good, a `defer` that nobody can tell just now. */
export type LoginAnswer =
  | { readonly kind: 'accept'; readonly user: string }
  | Exclude<Answer, { readonly kind: 'accept' }>
  | { readonly kind: 'scram-keys'; readonly user: string | undefined; readonly keys: ScramKeys };

/** What an exchange does next. */
export type SaslStep =
  | { readonly do: 'challenge'; readonly bytes: Uint8Array }
  | { readonly do: 'ask'; readonly login: Login }
  | { readonly do: 'succeed'; readonly user: string }
  | { readonly do: 'fail'; readonly reply: Reply }
  /** The response itself will not do, whoever sent it. */
  | { readonly do: 'refuse'; readonly reply: Reply };

/** One run of a mechanism. */
export interface SaslExchange {
  /** AUTH came without an initial response. */
  begin(): SaslStep;
  /** A response, or the initial response. */
  respond(response: Uint8Array): SaslStep;
  /** The answer to what the exchange asked; never `defer` or `disconnect`, which end it. */
  answered(answer: Extract<LoginAnswer, { kind: 'accept' | 'reject' | 'scram-keys' }>): SaslStep;
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The response breaks the grammar of the mechanism. */
export function refuse(text: string): SaslStep {
  return { do: 'refuse', reply: reply(501, '5.5.2', text) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** undefined where the octets are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}
