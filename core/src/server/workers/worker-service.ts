// What the main thread does for one receiving worker: keeps its messages, counts with it, tells its events and writes its
// log lines. What the worker had begun and not committed is forgotten when it ends.

import {
  type Counters,
  type EventSink,
  type Logger,
  type MessageBody,
  type MessageDraft,
  PosthouseError,
  type Recipient,
} from '../../contract/index.ts';
import { notesOf, senderOf } from '../../delivery/index.ts';
import type { CommitDesk, Fated } from '../../intake/index.ts';
import type { LoginFailure } from '../../reception/index.ts';
import { Mailbox } from '../../smtp/index.ts';
import type { Mailers } from '../assembly.ts';
import type { Hearers } from './line.ts';
import type { SentMessage, WorkerWords } from './words.ts';

export interface MainServices {
  /** Those of the configuration that is in force. */
  readonly desk: () => CommitDesk;
  readonly counters: () => Counters;
  readonly mailers: Mailers;
  readonly events: EventSink;
  readonly log: Logger;
  /** A login has failed in this worker. */
  readonly loginFailed: (failure: LoginFailure) => void;
}

interface Drafted {
  readonly draft: MessageDraft;
  body: MessageBody | undefined;
}

export class WorkerService {
  readonly #services: MainServices;
  readonly #drafts = new Map<number, Drafted>();
  readonly #readers = new Map<number, AsyncIterator<Uint8Array>>();
  #ended = false;

  constructor(services: MainServices) {
    this.#services = services;
  }

  get hearers(): Hearers<WorkerWords> {
    const { events, log, loginFailed, counters, mailers } = this.#services;
    return {
      commit: (sent) => this.#commit(sent),
      'draft-write': ({ draft, bytes }) => this.#write(draft, bytes),
      'draft-finish': ({ draft }) => this.#finish(draft),
      'draft-discard': ({ draft }) => this.#discard(draft),
      'draft-read': ({ draft, reader }) => this.#read(draft, reader),
      'reader-left': ({ reader }) => this.#leave(reader),
      'counters-take': (requests) => counters().take(requests),
      'counters-add': (requests) => counters().add(requests) as undefined,
      'own-mail': ({ plugin, mail }) => mailers.of(plugin).send(mail) as Promise<undefined>,
      'login-failed': loginFailed,
      event: ({ name, facts }) => events.emit(name, facts as never),
      log: ({ level, fields, text }) => log[level](fields, text),
    };
  }

  /** The worker is gone. A commit that is under way goes on: its client has no answer and will come again. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.keys()) this.#leave(reader);
    for (const draft of this.#drafts.keys()) this.#discard(draft);
  }

  async #commit({ record, recipients, body, draft, expireAfter, priority }: SentMessage): Promise<undefined> {
    const desk = this.#services.desk();
    // In the hands of the commit it is nobody's to discard.
    const drafted = body === undefined ? this.#take(draft) : this.#draftedFrom(desk, body);
    const { draft: whole, body: finished } = drafted instanceof Promise ? await drafted : drafted;
    try {
      const all = recipients.map(
        ({ local, domain, parameters }): Recipient => ({ address: new Mailbox(local, domain), parameters }),
      );
      const kept = recipients.flatMap(({ fate }, index): readonly Fated[] =>
        fate === undefined ? [] : [{ recipient: all[index] as Recipient, fate }],
      );
      const about = { sender: senderOf(record), notes: notesOf(record), redirectedBy: [] };
      await desk.commit({
        record,
        body: finished as MessageBody,
        kept,
        recipients: all,
        about,
        expireAfter,
        priority,
      });
    } catch (error) {
      whole.discard();
      throw error;
    }
    return undefined;
  }

  #draftedFrom(desk: CommitDesk, bytes: Uint8Array): Drafted | Promise<Drafted> {
    const draft = desk.draft();
    const wait = draft.write(bytes);
    const body = wait === undefined ? draft.finish() : wait.then(() => draft.finish());
    if (!(body instanceof Promise)) return { draft, body };
    return body.then(
      (finished) => ({ draft, body: finished }),
      (error: unknown) => {
        draft.discard();
        throw error;
      },
    );
  }

  #take(number: number): Drafted {
    const drafted = this.#finished(number);
    this.#drafts.delete(number);
    return drafted;
  }

  async #write(number: number, bytes: Uint8Array): Promise<undefined> {
    let drafted = this.#drafts.get(number);
    if (drafted === undefined) {
      drafted = { draft: this.#services.desk().draft(), body: undefined };
      this.#drafts.set(number, drafted);
    }
    await drafted.draft.write(bytes);
    return undefined;
  }

  async #finish(number: number): Promise<undefined> {
    const drafted = this.#drafts.get(number);
    if (drafted === undefined) throw unknownDraft();
    drafted.body = await drafted.draft.finish();
    if (this.#ended) drafted.draft.discard();
    return undefined;
  }

  #discard(number: number): void {
    this.#drafts.get(number)?.draft.discard();
    this.#drafts.delete(number);
  }

  async #read(number: number, reader: number): Promise<Uint8Array | undefined> {
    let octets = this.#readers.get(reader);
    if (octets === undefined) {
      octets = (this.#finished(number).body as MessageBody).open()[Symbol.asyncIterator]();
      this.#readers.set(reader, octets);
    }
    const { done, value } = await octets.next();
    return done === true ? undefined : value;
  }

  #leave(reader: number): void {
    const octets = this.#readers.get(reader);
    this.#readers.delete(reader);
    // The end of a reading that nobody waits for.
    void octets?.return?.().catch(() => undefined);
  }

  #finished(number: number): Drafted {
    const drafted = this.#drafts.get(number);
    if (drafted?.body === undefined) throw unknownDraft();
    return drafted;
  }
}

function unknownDraft(): PosthouseError {
  return new PosthouseError('store-failed', 'the draft of a receiving worker is not there any more');
}
