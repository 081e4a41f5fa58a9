// The commit desk of a receiving worker: small messages are handed to the thread with the queue in one piece, larger ones
// are drafted there block by block while they arrive, each block waiting for the store.

import type { MessageBody, MessageDraft } from '../../contract/index.ts';
import type { CommitDesk, ReadyMessage } from '../../intake/index.ts';
import type { Line } from './line.ts';
import type { MainWords, SentMessage, SentRecipient, WorkerWords } from './words.ts';

/** Octets that a message may have to wait here for its commit; also the size of the blocks of larger ones. */
export const BLOCK = 262_144;

type MainLine = Pick<Line<WorkerWords, MainWords>, 'ask' | 'tell'>;

export class RemoteDesk implements CommitDesk {
  readonly #line: MainLine;
  #lastDraft = 0;

  constructor(line: MainLine) {
    this.#line = line;
  }

  draft(): MessageDraft {
    this.#lastDraft += 1;
    return new RemoteDraft(this.#line, this.#lastDraft);
  }

  async commit({ record, body, kept, recipients, expireAfter, priority }: ReadyMessage): Promise<void> {
    const { inMemory } = body;
    const bytes = inMemory === undefined ? undefined : joined(inMemory, body.size);
    const fates = new Map(kept.map(({ recipient, fate }) => [recipient, fate]));
    // Some of those for whom it is kept were named by a plugin, and not by the client.
    const all = new Set([...recipients, ...fates.keys()]);
    const sent: SentMessage = {
      record,
      recipients: [...all].map((recipient): SentRecipient => {
        const { address, parameters } = recipient;
        return { local: address.local, domain: address.domain, parameters, fate: fates.get(recipient) };
      }),
      body: bytes,
      draft: body instanceof DraftedBody ? body.draft : 0,
      expireAfter,
      priority,
    };
    await this.#line.ask('commit', sent, bytes === undefined ? [] : [bytes.buffer]);
  }
}

class RemoteDraft implements MessageDraft {
  readonly #line: MainLine;
  readonly #number: number;
  #chunks: Uint8Array[] = [];
  /** Octets of the chunks. */
  #gathered = 0;
  #size = 0;
  /** Its beginning is with the queue already. */
  #begun = false;

  constructor(line: MainLine, number: number) {
    this.#line = line;
    this.#number = number;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#chunks.push(bytes);
    this.#gathered += bytes.length;
    this.#size += bytes.length;
    return this.#gathered > BLOCK ? this.#sendBlock() : undefined;
  }

  finish(): MessageBody | Promise<MessageBody> {
    if (!this.#begun) return new GatheredBody(this.#chunks, this.#size);
    return this.#finishRemote();
  }

  discard(): void {
    this.#chunks = [];
    if (this.#begun) this.#line.tell('draft-discard', { draft: this.#number });
  }

  async #finishRemote(): Promise<MessageBody> {
    if (this.#gathered > 0) await this.#sendBlock();
    await this.#line.ask('draft-finish', { draft: this.#number });
    return new DraftedBody(this.#line, this.#number, this.#size, this);
  }

  async #sendBlock(): Promise<void> {
    const bytes = joined(this.#chunks, this.#gathered);
    this.#chunks = [];
    this.#gathered = 0;
    this.#begun = true;
    await this.#line.ask('draft-write', { draft: this.#number, bytes }, [bytes.buffer]);
  }
}

/** Octets that are still here. */
class GatheredBody implements MessageBody {
  readonly inMemory: readonly Uint8Array[];
  readonly size: number;

  constructor(chunks: readonly Uint8Array[], size: number) {
    this.inMemory = chunks;
    this.size = size;
  }

  async *open(): AsyncIterable<Uint8Array> {
    yield* this.inMemory;
  }

  discard(): void {}
}

/** Octets that are with the queue already, and come back to whoever reads them. */
class DraftedBody implements MessageBody {
  static #lastReader = 0;
  readonly inMemory = undefined;
  readonly draft: number;
  readonly size: number;
  readonly #line: MainLine;
  readonly #whole: MessageDraft;

  constructor(line: MainLine, draft: number, size: number, whole: MessageDraft) {
    this.#line = line;
    this.draft = draft;
    this.size = size;
    this.#whole = whole;
  }

  async *open(): AsyncIterable<Uint8Array> {
    DraftedBody.#lastReader += 1;
    const question = { draft: this.draft, reader: DraftedBody.#lastReader };
    try {
      for (;;) {
        const bytes = await this.#line.ask('draft-read', question);
        if (bytes === undefined) return;
        yield bytes;
      }
    } finally {
      this.#line.tell('reader-left', { reader: question.reader });
    }
  }

  discard(): void {
    this.#whole.discard();
  }
}

/** A copy that can change hands: the pieces may lie in memory that others use. */
function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
