// What became of the recipients of one transaction with a next hop, collected while its replies come in.

import type { Reply } from './reply.ts';

/** What became of one recipient. Accepted exactly when `during` is `message` and the code is 2yz. */
export interface RecipientResult {
  /** The command that decided; `local`: we refused by ourselves, and nothing was sent. */
  readonly during: 'mail' | 'rcpt' | 'data' | 'message' | 'local';
  /** undefined: the connection was lost before the reply came. */
  readonly reply: Reply | undefined;
}

export class TransactionOutcome {
  readonly #results: (RecipientResult | undefined)[];
  /** The recipient whose RCPT is answered next. */
  next = 0;
  /** Recipients that may have the message. */
  accepted = 0;

  constructor(recipients: number) {
    this.#results = new Array<undefined>(recipients).fill(undefined);
  }

  takeRcpt(said: Reply, good: boolean): void {
    const index = this.next++;
    // Decided before: MAIL was refused, and this reply only says so again.
    if (this.#results[index] !== undefined) return;
    if (good) this.accepted++;
    else this.#results[index] = { during: 'rcpt', reply: said };
  }

  /** Gives the result to the first recipient that has none yet. */
  decideNext(result: RecipientResult): void {
    const index = this.#results.indexOf(undefined);
    if (index !== -1) this.#results[index] = result;
  }

  /** Gives the result to every recipient that has none yet. */
  decideRest(result: RecipientResult): void {
    for (let index = 0; index < this.#results.length; index++) this.#results[index] ??= result;
  }

  /** Call it when all is decided. */
  results(): readonly RecipientResult[] {
    return this.#results as readonly RecipientResult[];
  }
}
