// PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself travels, so only TLS keeps it.

import { reply } from './reply.ts';
import {
  decodeUtf8,
  encodeUtf8,
  type LoginAnswer,
  NO_BYTES,
  refuse,
  type SaslExchange,
  type SaslStep,
} from './sasl.ts';
import { credentialsRefused } from './session-replies.ts';

const EMPTY_CHALLENGE: SaslStep = { do: 'challenge', bytes: NO_BYTES };
const USERNAME: SaslStep = { do: 'challenge', bytes: encodeUtf8('Username:') };
const PASSWORD: SaslStep = { do: 'challenge', bytes: encodeUtf8('Password:') };

export class PlainExchange implements SaslExchange {
  begin(): SaslStep {
    return EMPTY_CHALLENGE;
  }

  /** RFC 4616 §2: message = [authzid] NUL authcid NUL passwd */
  respond(response: Uint8Array): SaslStep {
    const parts = decodeUtf8(response)?.split('\0');
    const [authorize = '', user = '', password = ''] = parts ?? [];
    if (parts?.length !== 3 || user === '' || password === '') return refuse('Malformed PLAIN response');
    // To act as somebody else needs a right that nobody here can give.
    if (authorize !== '' && authorize !== user) return otherIdentity();
    return { do: 'ask', login: { kind: 'password', mechanism: 'PLAIN', user, password } };
  }

  answered(answer: LoginAnswer): SaslStep {
    return conclude(answer);
  }
}

export class LoginExchange implements SaslExchange {
  #user: string | undefined;

  begin(): SaslStep {
    return USERNAME;
  }

  /** The user name may come as an initial response, as many clients send it. */
  respond(response: Uint8Array): SaslStep {
    const text = decodeUtf8(response);
    if (text === undefined || text === '' || text.includes('\0')) return refuse('Malformed LOGIN response');
    if (this.#user === undefined) {
      this.#user = text;
      return PASSWORD;
    }
    return {
      do: 'ask',
      login: { kind: 'password', mechanism: 'LOGIN', user: this.#user, password: text },
    };
  }

  answered(answer: LoginAnswer): SaslStep {
    return conclude(answer);
  }
}

/** Where the answer is the end of the exchange. */
export function conclude(answer: LoginAnswer): SaslStep {
  if (answer.kind === 'accept') return { do: 'succeed', user: answer.user };
  return { do: 'fail', reply: credentialsRefused(answer.kind === 'reject' ? answer : undefined) };
}

/** The client wants to act as somebody else than whose password it has. */
export function otherIdentity(): SaslStep {
  return { do: 'refuse', reply: reply(535, '5.7.8', 'Acting for another identity is not possible here') };
}
