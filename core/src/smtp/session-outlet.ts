// What leaves a session: its steps in their order, the one open question, and the end. Replies that cost the client
// something are counted here, so that whoever refuses a command cannot forget to.

import { reply } from './reply.ts';
import { plain } from './session-replies.ts';
import type { Question, SessionOptions, Step } from './session-steps.ts';
import { SessionTally } from './session-tally.ts';
import type { TransientStatus } from './status.ts';

export class SessionOutlet {
  /** The one open question. */
  question: Question | undefined;
  /** Nothing leaves any more. */
  closed = false;
  readonly tally: SessionTally;
  #steps: Step[] = [];

  constructor(options: SessionOptions) {
    this.tally = new SessionTally(options);
  }

  /** The steps since the last call. */
  take(): Step[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  say(step: Step): void {
    this.#steps.push(step);
  }

  /** RFC 2033 §4.2: what is said of the whole message is said once for each recipient. */
  repeat(step: Step, times: number): void {
    for (let left = times; left > 0; left--) this.#steps.push(step);
  }

  ask(question: Question): void {
    this.question = question;
    this.#steps.push({ do: 'ask', question });
  }

  /** @param step undefined where the protocol has no reply to a refused command */
  refuse(step: Step | undefined): void {
    if (step !== undefined) this.#steps.push(step);
    if (this.tally.refused()) this.enough('Too many bad commands');
  }

  /** The command was well-formed and is answered, but mail it did not bring. */
  withoutMail(step: Step): void {
    this.#steps.push(step);
    if (this.tally.broughtNoMail()) this.enough('Too many commands without mail');
  }

  /** A limit of the session is reached (RFC 5321 §4.3.2 and §7.8). */
  enough(text: string): void {
    if (!this.closed) this.bye('4.7.0', text, text.toLowerCase());
  }

  /** RFC 5321 §3.8: a server that ends the dialogue says 421. */
  bye(status: TransientStatus, text: string, why = text): void {
    this.#steps.push(plain(reply(421, status, text)));
    this.close(why);
  }

  close(why: string): void {
    this.closed = true;
    this.#steps.push({ do: 'close', why });
  }
}
