// What is said over one connection once terms are agreed upon: commands with their macros, and what comes back to them.

import type { Clock, ConnectAsked, DataAsked, Mailbox, MailFromAsked } from '@posthouse/core';
import { ACTION_OF, type Change, readAnswer, type Word } from './answer.ts';
import type { Config } from './config.ts';
import { GatheredBody } from './gathered-body.ts';
import { DEFAULT_MACROS, type MacroFacts, macroFrame } from './macros.ts';
import type { Milter } from './milter.ts';
import { offer, readTerms, type Terms } from './negotiation.ts';
import { ACTION, frame, Nonsense, type Stage, type Told, UNANSWERED, UNWANTED } from './protocol.ts';
import type { MilterWire } from './wire.ts';

export interface ConversationServices {
  readonly config: Config;
  readonly clock: Clock;
  readonly hostname: string;
  /** Values of macros that the configuration has. */
  readonly fixed: ReadonlyMap<string, string>;
  mechanism(): string | undefined;
}

/** Changes of one message, and octets of those that are no body. */
const MAX_CHANGES = 1_000;
const MAX_CHANGED = 1024 * 1024;

const CONTINUE: Word = { kind: 'continue' };

export class MilterTalk {
  readonly terms: Terms;
  readonly #wire: MilterWire;
  readonly #services: ConversationServices;

  private constructor(wire: MilterWire, terms: Terms, services: ConversationServices) {
    this.#wire = wire;
    this.terms = terms;
    this.#services = services;
  }

  /** Agrees upon the terms. */
  static async begin(
    wire: MilterWire,
    { actions }: Milter,
    services: ConversationServices,
  ): Promise<MilterTalk> {
    const wait = wire.send(offer(actions));
    if (wait !== undefined) await wait;
    return new MilterTalk(wire, readTerms(await wire.answer(), actions), services);
  }

  /** Tells it something, unless it does not want to hear it, and gives what it says to that. */
  async tell(
    told: Told,
    stage: Stage | undefined,
    asked: ConnectAsked,
    parts: readonly (string | Uint8Array)[],
    recipient?: Mailbox,
  ): Promise<Word> {
    const wire = this.#wire;
    const { steps } = this.terms;
    if ((steps & UNWANTED[told]) !== 0) return CONTINUE;
    const macros = stage === undefined ? undefined : this.#macros(stage, asked, recipient);
    const command = frame(told, ...parts);
    const wait = wire.send(macros === undefined ? command : Buffer.concat([macros, command]));
    if (wait !== undefined) await wait;
    if ((steps & UNANSWERED[told]) !== 0) return CONTINUE;
    for (;;) {
      const answer = readAnswer(await wire.answer());
      if (answer.kind === 'progress') wire.progress();
      else if (isChange(answer)) throw new Nonsense(`${answer.kind} before the end of the message`);
      else if (answer.kind === 'skip' && told !== 'body') throw new Nonsense(`skip in answer to ${told}`);
      else return answer;
    }
  }

  #macros(stage: Stage, asked: ConnectAsked, recipient?: Mailbox): Buffer | undefined {
    const { config, fixed, hostname, mechanism } = this.#services;
    const names = this.terms.macros[stage] ?? config.macros?.[stage] ?? DEFAULT_MACROS[stage];
    const facts: MacroFacts = {
      session: asked.session,
      notes: asked.notes,
      hostname,
      mechanism: mechanism(),
      ...('sender' in asked && { sender: (asked as MailFromAsked).sender }),
      ...(recipient !== undefined && { recipient }),
    };
    return macroFrame(stage, names, facts, fixed);
  }

  /** The end of the message, and all that it wants changed before its verdict. */
  async end(asked: DataAsked, changes: Change[], maxBody: number): Promise<Word> {
    const wire = this.#wire;
    const { actions } = this.terms;
    const macros = this.#macros('eom', asked);
    const end = frame('eom');
    const wait = wire.send(macros === undefined ? end : Buffer.concat([macros, end]));
    if (wait !== undefined) await wait;
    const body = new GatheredBody(maxBody);
    let changed = 0;
    for (;;) {
      const received = await wire.answer();
      const answer = readAnswer(received);
      if (answer.kind === 'progress') wire.progress();
      else if (!isChange(answer)) {
        if (answer.kind === 'skip') throw new Nonsense('skip at the end of a message');
        const octets = body.octets();
        if (octets !== undefined) changes.push({ kind: 'replace-body', octets });
        return answer;
      } else if ((actions & ACTION[ACTION_OF[answer.kind]]) === 0)
        throw new Nonsense(`${answer.kind}, which was not agreed upon`);
      else if (answer.kind === 'replace-body') body.add(answer.octets);
      else {
        changed += received.data.length;
        if (changes.push(answer) > MAX_CHANGES || changed > MAX_CHANGED)
          throw new Nonsense('changes without end');
      }
    }
  }
}

function isChange(answer: ReturnType<typeof readAnswer>): answer is Change {
  return answer.kind in ACTION_OF;
}
