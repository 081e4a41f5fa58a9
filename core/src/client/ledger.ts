// Who of a delivery's recipients has which outcome, and who can still be carried over another connection.

import { type Delivery, Outcome, type Recipient } from '../contract/index.ts';
import type { RecipientResult } from '../smtp/index.ts';
import type { Connection } from './connection.ts';
import { deferralOfRefusal, outcomeOfReply } from './outcome-of-reply.ts';

export class Ledger {
  /** Recipients without an outcome. */
  open: readonly Recipient[];
  /** What those will be told who stay without one. */
  trouble: Outcome = Outcome.deferred('4.4.1', 'no mail host could be reached', { scope: 'destination' });
  readonly #outcomes = new Map<Recipient, Outcome>();
  #hopes = false;

  constructor(recipients: readonly Recipient[]) {
    this.open = recipients;
  }

  /**
   * @param asked the first of `open`
   * @param results for them, in their order
   */
  enter(asked: readonly Recipient[], results: readonly RecipientResult[], connection: Connection): void {
    // Recipients that share a result share its outcome, so that alike can be told by identity.
    const shared = new Map<RecipientResult, Outcome | undefined>();
    const open: Recipient[] = [];
    const someTaken = results.some(isTaken);
    asked.forEach((recipient, index) => {
      const result = results[index] as RecipientResult;
      if (!shared.has(result)) {
        const outcome = this.#outcomeOf(result, connection);
        const goesAnew = someTaken && isOneTooMany(result);
        if (goesAnew && outcome !== undefined) this.trouble = outcome;
        shared.set(result, goesAnew ? undefined : outcome);
      }
      const outcome = shared.get(result);
      if (outcome === undefined) open.push(recipient);
      else this.#outcomes.set(recipient, outcome);
    });
    this.open = [...open, ...this.open.slice(asked.length)];
  }

  /** A host is passed over. One that may be reached another time leaves hope for the message. */
  troubled(outcome: Outcome): void {
    if (outcome.kind === 'failed' && this.#hopes) return;
    this.#hopes ||= outcome.kind === 'deferred';
    this.trouble = outcome;
  }

  settleOpen(outcome: Outcome): void {
    for (const recipient of this.open) this.#outcomes.set(recipient, outcome);
    this.open = [];
  }

  /** The one outcome of all; or what most have, when those of the others are durable. */
  async conclude(delivery: Delivery): Promise<Outcome> {
    this.settleOpen(this.trouble);
    const counts = new Map<Outcome, number>();
    for (const outcome of this.#outcomes.values()) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    let most = this.trouble;
    for (const [outcome, count] of counts) if (count > (counts.get(most) ?? 0)) most = outcome;
    if (counts.size > 1) {
      const others = [...this.#outcomes].filter(([, outcome]) => outcome !== most);
      await Promise.all(others.map(([recipient, outcome]) => delivery.settle(recipient, outcome)));
    }
    return most;
  }

  /** undefined: another connection may be asked. */
  #outcomeOf({ during, reply }: RecipientResult, connection: Connection): Outcome | undefined {
    const { host } = connection.target;
    if (reply === undefined) {
      // The next hop may have the message: to ask another one now would only make sure of the duplicate.
      if (during === 'message')
        return Outcome.deferred('4.4.2', `${host} was lost before it answered for the message`);
      this.trouble = Outcome.deferred('4.4.2', `${host} was lost in the dialogue`, { scope: 'destination' });
      return undefined;
    }
    if (reply.code === 421 && during !== 'message') {
      this.trouble = deferralOfRefusal(reply, host);
      return undefined;
    }
    // Whoever does not know BDAT after all may have read the message as commands: anew by DATA, on another connection.
    if (during === 'message' && connection.choseChunk && (reply.code === 500 || reply.code === 502)) {
      connection.refusesChunks = true;
      connection.spent = true;
      this.trouble = Outcome.deferred('4.5.1', `${host} offers CHUNKING and does not know BDAT`);
      return undefined;
    }
    const outcome = outcomeOfReply(reply, during, host, connection.relayed);
    // RFC 8689 §4.2.1: another host of the domain may offer REQUIRETLS.
    if (during === 'local' && reply.status === '5.7.30') {
      connection.unfit = true;
      this.troubled(outcome);
      return undefined;
    }
    // Where the limit on the messages of a connection is not told by 421, only a new connection shows what was meant.
    if (during === 'mail' && outcome.kind === 'deferred' && connection.messages > 1) {
      connection.spent = true;
      this.trouble = outcome;
      return undefined;
    }
    return outcome;
  }
}

function isTaken({ during, reply }: RecipientResult): boolean {
  return during === 'message' && reply !== undefined && reply.code < 300;
}

/** RFC 5321 §4.5.3.1.10: the others have been taken, so this one goes in another transaction. */
function isOneTooMany({ during, reply }: RecipientResult): boolean {
  if (during !== 'rcpt' || reply === undefined) return false;
  if (reply.status === undefined) return reply.code === 452 || reply.code === 552;
  return reply.status === '4.5.3' || (reply.code === 552 && reply.status === '5.5.3');
}
