// What a client has used up of a session: commands that brought no mail, refused ones, transactions, octets.
// Each count has its limit; what goes beyond one is why the session ends with 421.

import type { SessionOptions } from './session-steps.ts';

type Limits = Pick<
  SessionOptions,
  'badCommands' | 'commandsWithoutMail' | 'messagesPerSession' | 'unauthenticatedBytes'
>;

export class SessionTally {
  readonly #limits: Limits;
  #bad = 0;
  #withoutMail = 0;
  #transactions = 0;
  #octets = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  heard(octets: number): void {
    this.#octets += octets;
  }

  /** A message has been accepted. Whoever brings good mail has a long life: one bad address in a hundred is no attack. */
  accepted(): void {
    this.#bad = 0;
    this.#withoutMail = 0;
  }

  /** The protocol or a limit refused a command. Whether that was one too many. */
  refused(): boolean {
    this.#bad += 1;
    return this.#bad > this.#limits.badCommands;
  }

  /** A command was answered and brought no mail. Whether that was one too many. */
  broughtNoMail(): boolean {
    this.#withoutMail += 1;
    return this.#withoutMail > this.#limits.commandsWithoutMail;
  }

  /** MAIL wants to begin a transaction. Whether that would be one too many. */
  begins(): boolean {
    this.#transactions += 1;
    return this.#transactions > this.#limits.messagesPerSession;
  }

  /** The client has sent more than it may without AUTH. */
  get saidTooMuch(): boolean {
    return this.#octets > this.#limits.unauthenticatedBytes;
  }
}
