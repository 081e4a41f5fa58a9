// AUTH (RFC 4954) as part of a session: which mechanisms can be used now, the exchange that is under way, and who the
// client has turned out to be.

import { decodeBase64, encodeBase64 } from './base64.ts';
import type { ClientAttributes } from './client-attributes.ts';
import { type AuthCommand, LINE_FAULTS } from './command.ts';
import type { LineResult } from './line-splitter.ts';
import { reply } from './reply.ts';
import {
  type Login,
  type LoginAnswer,
  NO_BYTES,
  SASL_MECHANISMS,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from './sasl.ts';
import { BearerExchange } from './sasl-bearer.ts';
import { LoginExchange, PlainExchange } from './sasl-plain.ts';
import { ScramExchange, type ScramTools } from './sasl-scram.ts';
import {
  ALREADY_AUTHENTICATED,
  AUTH_AFTER_EHLO,
  AUTH_CANCELLED,
  AUTH_IN_TRANSACTION,
  AUTH_LINE_TOO_LONG,
  AUTH_NEEDS_TLS,
  AUTHENTICATED,
  BAD_BASE64,
  NOT_IMPLEMENTED,
  plain,
  refusalOf,
  UNKNOWN_MECHANISM,
} from './session-replies.ts';
import type { ReplyStep } from './session-steps.ts';

/** How clients may authenticate on a listener. */
export interface AuthOptions {
  /** MAIL needs an authenticated client. */
  readonly required: boolean;
  /** AUTH may be used while anybody can listen. */
  readonly withoutTls: boolean;
  /** Longest line of an exchange and longest AUTH command, CRLF included (RFC 4954 §4). */
  readonly line: number;
  /** Failed tries after which the connection is closed. */
  readonly failures: number;
  /** What can be verified now. */
  mechanisms(): readonly SaslMechanism[];
  readonly scram: ScramTools;
}

/** What the exchange wants of the session. */
export type AuthStep =
  | ReplyStep
  | { readonly do: 'ask'; readonly login: Login }
  | { readonly do: 'disconnect'; readonly text: string };

export class SessionAuth {
  /** The authenticated user. */
  user: string | undefined;
  readonly #options: AuthOptions | undefined;
  #exchange: SaslExchange | undefined;
  #failures = 0;

  /** @param options undefined where there is no AUTH at all */
  constructor(options: AuthOptions | undefined) {
    this.#options = options;
  }

  /** An exchange is under way: the next line is a response. */
  get exchanging(): boolean {
    return this.#exchange !== undefined;
  }

  /** What EHLO offers; nothing while it cannot be used. */
  offered(tls: boolean): readonly SaslMechanism[] {
    const options = this.#options;
    if (options === undefined || this.user !== undefined || !(tls || options.withoutTls)) return [];
    const able = options.mechanisms();
    return SASL_MECHANISMS.filter((name) => able.includes(name));
  }

  /** The client has tried often enough. */
  get exhausted(): boolean {
    return this.#options !== undefined && this.#failures >= this.#options.failures;
  }

  /** MAIL has to wait for AUTH. */
  get missing(): boolean {
    return this.#options?.required === true && this.user === undefined;
  }

  /** Whoever says MAIL will be known: such a client may have its message held (RFC 4865). */
  get mayHold(): boolean {
    return this.user !== undefined || this.#options?.required === true;
  }

  /** What the AUTH parameter of MAIL is worth (RFC 4954 §5). */
  parameter(tls: boolean): 'none' | 'offered' | 'done' {
    if (this.#options === undefined) return 'none';
    if (this.user !== undefined) return 'done';
    return this.offered(tls).length > 0 ? 'offered' : 'none';
  }

  /** A trusted client says who the user is; a new client has no login unless it comes along. */
  assume({ login, address }: ClientAttributes): void {
    if (login !== undefined || address !== undefined) this.user = login ?? undefined;
  }

  /** TLS is up: what was heard before it is forgotten (RFC 3207 §4.2). */
  forget(): void {
    this.user = undefined;
    this.#exchange = undefined;
  }

  /** The command, which an exchange follows where nothing speaks against it (RFC 4954 §4). */
  begin({ mechanism, initial }: AuthCommand, tls: boolean, esmtp: boolean, inTransaction: boolean): AuthStep {
    const options = this.#options;
    if (options === undefined) return NOT_IMPLEMENTED;
    if (!esmtp) return AUTH_AFTER_EHLO;
    if (this.user !== undefined) return ALREADY_AUTHENTICATED;
    if (inTransaction) return AUTH_IN_TRANSACTION;
    if (!tls && !options.withoutTls) return AUTH_NEEDS_TLS;
    const offered = this.offered(tls);
    const known = offered.find((name) => name === mechanism);
    if (known === undefined) return UNKNOWN_MECHANISM;
    this.#exchange = start(known, offered.includes('SCRAM-SHA-256-PLUS'), options.scram);
    if (initial === undefined) return this.#carryOut(this.#exchange.begin());
    // RFC 4954 §4: `=` is an initial response of no octets.
    return this.#respond(this.#exchange, initial === '=' ? '' : initial);
  }

  /** A line of the client while the exchange is under way. */
  respond(next: LineResult): AuthStep {
    if ('fault' in next) {
      return this.#end(next.fault === 'too-long' ? AUTH_LINE_TOO_LONG : refusalOf(LINE_FAULTS[next.fault]));
    }
    if (next.line === '*') return this.#end(AUTH_CANCELLED); // RFC 4954 §4
    return this.#respond(this.#exchange as SaslExchange, next.line);
  }

  answer(answer: LoginAnswer): AuthStep {
    switch (answer.kind) {
      case 'disconnect':
        return this.#end({ do: 'disconnect', text: answer.text });
      case 'defer':
        return this.#end(plain(reply(answer.code ?? 454, answer.status, answer.text)));
      default:
        return this.#carryOut((this.#exchange as SaslExchange).answered(answer));
    }
  }

  #respond(exchange: SaslExchange, line: string): AuthStep {
    const response = line === '' ? NO_BYTES : decodeBase64(line);
    if (response === undefined) return this.#end(BAD_BASE64);
    return this.#carryOut(exchange.respond(response));
  }

  #carryOut(step: SaslStep): AuthStep {
    switch (step.do) {
      case 'challenge':
        return plain(reply(334, undefined, encodeBase64(step.bytes)));
      case 'ask':
        return step;
      case 'succeed':
        this.user = step.user;
        return this.#end(AUTHENTICATED);
      case 'fail':
        this.#failures += 1;
        return this.#end(plain(step.reply));
      case 'refuse':
        return this.#end({ do: 'reply', reply: step.reply, refused: true });
    }
  }

  #end(step: AuthStep): AuthStep {
    this.#exchange = undefined;
    return step;
  }
}

function start(mechanism: SaslMechanism, plusOffered: boolean, scram: ScramTools): SaslExchange {
  switch (mechanism) {
    case 'PLAIN':
      return new PlainExchange();
    case 'LOGIN':
      return new LoginExchange();
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      return new ScramExchange(mechanism, plusOffered, scram);
    case 'OAUTHBEARER':
    case 'XOAUTH2':
      return new BearerExchange(mechanism);
  }
}
