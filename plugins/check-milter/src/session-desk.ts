// The milters of one session, asked in their order; the first that says no has the last word.

import {
  type ConnectAsked,
  type DataAsked,
  type Defer,
  type Disconnect,
  type HookTable,
  type Mailbox,
  type MailFromAsked,
  note,
  type RcptAsked,
  type RecipientVerdict,
  type Reject,
  Verdict,
  type WritableNotes,
} from '@posthouse/core';
import type { Word } from './answer.ts';
import type { Conversation } from './conversation.ts';
import { MilterMessage } from './message.ts';
import { unavailable, vetoOf } from './verdicts.ts';

/** What each milter has said of a message, and what it has asked for; also where it is only observed. */
export const RESULT =
  note<readonly { readonly milter: string; readonly answer: string; readonly changes: readonly string[] }[]>(
    'check-milter/result',
  );

type Veto = Reject | Defer | Disconnect;
type DataAnswer = HookTable['on-data']['answer'];

export interface DeskServices {
  readonly maxBody: number;
  /** A milter cannot be asked, and why. */
  failed(conversation: Conversation, error: unknown): void;
}

export class SessionDesk {
  readonly #conversations: readonly Conversation[];
  readonly #services: DeskServices;
  /** The transactions, by their notes, in which a milter could not be asked: it is not waited for again. */
  readonly #broken = new WeakMap<Conversation, WritableNotes>();

  constructor(conversations: readonly Conversation[], services: DeskServices) {
    this.#conversations = conversations;
    this.#services = services;
  }

  connect(asked: ConnectAsked): Promise<Veto | undefined> {
    return this.#stage(
      asked,
      ({ from }) => from === 'connect',
      (each) => each.connect(asked),
    );
  }

  mail(asked: MailFromAsked): Promise<Veto | undefined> {
    return this.#stage(
      asked,
      ({ from }) => from !== 'data',
      (each) => each.mail(asked),
    );
  }

  rcpt(asked: RcptAsked): Promise<Veto | undefined> {
    return this.#stage(
      asked,
      ({ from }) => from !== 'data',
      (each) => each.rcpt(asked),
    );
  }

  async data(asked: DataAsked): Promise<DataAnswer | undefined> {
    const message = await MilterMessage.read(asked);
    const verdicts = new Map<Mailbox, RecipientVerdict>();
    let held: string | undefined;
    let changed: string | undefined;
    for (const each of this.#conversations) {
      const { milter } = each;
      const result = await this.#result(each, asked, message, verdicts);
      if (result === undefined) continue;
      if ('kind' in result) return result;
      if (result.held !== undefined) held ??= `milter.${milter.name}: ${result.held}`;
      if (result.changed) changed = milter.name;
    }
    message.edit(asked.edits);
    for (const recipient of message.deleted)
      if (!verdicts.has(recipient)) verdicts.set(recipient, Verdict.discard('milter.deleted-recipient'));
    if (verdicts.size > 0) {
      if (held !== undefined)
        for (const recipient of asked.recipients)
          if (!verdicts.has(recipient)) verdicts.set(recipient, Verdict.quarantine(held));
      return Verdict.perRecipient(verdicts);
    }
    if (held !== undefined) return Verdict.quarantine(held);
    return changed === undefined ? undefined : Verdict.accept({ reason: `milter.${changed}.changed` });
  }

  close(): void {
    for (const each of this.#conversations) each.close();
  }

  destroy(): void {
    for (const each of this.#conversations) each.destroy();
  }

  async #stage(
    asked: ConnectAsked,
    concerns: (milter: Conversation['milter']) => boolean,
    ask: (conversation: Conversation) => Promise<Word>,
  ): Promise<Veto | undefined> {
    for (const each of this.#conversations) {
      if (!concerns(each.milter) || each.isOver(asked)) continue;
      const word = await this.#word(each, asked, () => ask(each));
      const veto = word === 'broken' ? unavailable(each.milter) : vetoOf(word, each.milter);
      if (veto !== undefined) return veto;
    }
    return undefined;
  }

  /** Asks one of the message; undefined where it is not asked. A verdict for the whole message ends the asking. */
  async #result(
    each: Conversation,
    asked: DataAsked,
    message: MilterMessage,
    verdicts: Map<Mailbox, RecipientVerdict>,
  ): Promise<Exclude<DataAnswer, undefined> | { held: string | undefined; changed: boolean } | undefined> {
    const { milter } = each;
    if (each.isOver(asked)) {
      if (!each.discards(asked)) return undefined;
      report(asked, milter.name, 'discard', []);
      return Verdict.discard(`milter.${milter.name}.discard`);
    }
    const result = await this.#word(each, asked, async () => {
      const found = await each.message(asked, message, this.#services.maxBody);
      if (found.word.kind === 'continue' || found.word.kind === 'accept') message.apply(found.changes);
      return found;
    });
    if (result === 'broken') {
      report(asked, milter.name, 'unavailable', []);
      return unavailable(milter);
    }
    const { word, refused, changes } = result;
    report(
      asked,
      milter.name,
      word.kind,
      changes.map((change) => ('name' in change ? `${change.kind} ${change.name}` : change.kind)),
    );
    if (word.kind === 'discard') return Verdict.discard(`milter.${milter.name}.discard`);
    const veto = vetoOf(word, milter);
    if (veto !== undefined) return veto;
    for (const [recipient, said] of refused) {
      const verdict = vetoOf(said, milter);
      if (verdict !== undefined && !verdicts.has(recipient))
        verdicts.set(recipient, verdict as RecipientVerdict);
    }
    const quarantine = changes.find((change) => change.kind === 'quarantine');
    return { held: quarantine?.reason, changed: changes.length > (quarantine === undefined ? 0 : 1) };
  }

  async #word<T>(each: Conversation, asked: ConnectAsked, ask: () => Promise<T>): Promise<T | 'broken'> {
    if (this.#broken.get(each) === asked.notes) return 'broken';
    try {
      return await ask();
    } catch (error) {
      each.destroy();
      this.#broken.set(each, asked.notes);
      // Where the client has left, or the core has answered for us, nobody is in trouble here.
      if (!asked.signal.aborted) this.#services.failed(each, error);
      return 'broken';
    }
  }
}

function report(asked: DataAsked, milter: string, answer: string, changes: readonly string[]): void {
  const before = asked.notes.get(RESULT) ?? [];
  asked.notes.set(RESULT, [...before, { milter, answer, changes: changes.slice(0, 100) }]);
}
