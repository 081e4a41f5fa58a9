// A message while it comes in: its octets go to the store's draft as they arrive, its header section is kept at hand,
// bounded, for the loop check and for plugins. Not for: judging or committing it.

import {
  type HeaderSection,
  type Limits,
  type MessageBody,
  type MessageDraft,
  PosthouseError,
  type ReceivedMessage,
  type Reject,
  Verdict,
} from '../contract/index.ts';
import type { PermanentStatus } from '../smtp/index.ts';
import type { Backlog } from './backlog.ts';
import { headerEnd, ParsedHeaders, surveyHeader } from './header-section.ts';
import { MimeStructure } from './mime-structure.ts';

const NO_BYTES = new Uint8Array(0);

export class IncomingMessage implements ReceivedMessage {
  size = 0;
  readonly #draft: MessageDraft;
  readonly #limits: Limits;
  #body: MessageBody | undefined;
  /** The octets so far, until the header section is complete. */
  #head: Uint8Array = NO_BYTES;
  #headComplete = false;
  #room: Uint8Array | undefined;
  /** Only where the message has more than one part. */
  #structure: MimeStructure | undefined;
  #headers: ParsedHeaders | undefined;
  #hasResults = false;
  #refusal: Reject | undefined;
  #failure: unknown;
  readonly #backlog: Backlog;
  /** Octets of it in the backlog. */
  #counted = 0;

  constructor(draft: MessageDraft, limits: Limits, backlog: Backlog) {
    this.#backlog = backlog;
    this.#draft = draft;
    this.#limits = limits;
  }

  /** What is wrong with the message itself: it will be refused whatever the plugins say. */
  get refusal(): Reject | undefined {
    return this.#refusal;
  }

  /** Why the store could not take it. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The header section, without the empty line that ends it. Complete after `finish`. */
  get header(): Uint8Array {
    return this.#head;
  }

  /** Somebody before us has written an Authentication-Results field. */
  get hasAuthenticationResults(): boolean {
    return this.#hasResults;
  }

  get headers(): HeaderSection {
    this.#headers ??= new ParsedHeaders(this.#head);
    return this.#headers;
  }

  get mime(): { readonly parts: number; readonly depth: number } {
    return { parts: this.#structure?.parts ?? 0, depth: this.#structure?.deepest ?? 0 };
  }

  get body(): MessageBody {
    if (this.#body === undefined) throw new PosthouseError('store-failed', 'the message is not complete');
    return this.#body;
  }

  open(): AsyncIterable<Uint8Array> {
    return this.body.open();
  }

  /** A promise means: wait before the next write. Never rejects; a failure shows in `failure`. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined || this.#refusal !== undefined) return undefined;
    this.size += bytes.length;
    if (this.#backlog.refuses(this.size)) {
      this.#fail(new PosthouseError('store-full', 'limits.unsavedOctets: too much waits for the store'));
      this.discard();
      return undefined;
    }
    this.#counted = this.#backlog.count(this.size, this.#counted);
    if (!this.#headComplete) this.#gatherHead(bytes);
    else if (this.#structure !== undefined) this.#countParts(bytes);
    try {
      const wait = this.#draft.write(bytes);
      return wait === undefined ? undefined : wait.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** No more octets. Never rejects; a failure shows in `failure`. */
  finish(): Promise<void> | undefined {
    if (this.#failure !== undefined || this.#refusal !== undefined) return undefined;
    if (!this.#headComplete) this.#survey();
    if (this.#refusal !== undefined) return undefined;
    try {
      const body = this.#draft.finish();
      if (!(body instanceof Promise)) {
        this.#body = body;
        return undefined;
      }
      return body.then(
        (finished) => {
          this.#body = finished;
        },
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** It is durable, or nothing comes of it: it is no part of the backlog any more. */
  settled(): void {
    this.#counted = this.#backlog.count(0, this.#counted);
  }

  /** Forgets everything that the store keeps of it, unless a commit has taken it. */
  discard(): void {
    this.settled();
    this.#draft.discard();
  }

  #gatherHead(bytes: Uint8Array): void {
    const before = this.#head.length;
    const head = before === 0 ? bytes : this.#appended(bytes);
    const end = headerEnd(head, before);
    this.#headComplete = end !== -1;
    this.#head = end === -1 ? head : head.subarray(0, end);
    // An unfinished section may end in the CR of its empty line, which is no part of it.
    const headerSize = this.#headComplete ? this.#limits.headerSize : this.#limits.headerSize + 1;
    if (this.#head.length > headerSize) {
      this.#head = NO_BYTES;
      this.#headComplete = true;
      this.#refuse('5.3.4', 'Header section exceeds the size limit', 552, 'header-size');
    } else if (this.#headComplete) {
      this.#survey();
      // Behind the empty line.
      if (this.#structure !== undefined) this.#countParts(head.subarray(end + 2));
    }
  }

  /** The header section is complete. */
  #survey(): void {
    const { fields, received, results, contentType } = surveyHeader(this.#head);
    if (fields > this.#limits.headerFields)
      this.#refuse('5.3.4', 'Message has too many header fields', 552, 'header-fields');
    // RFC 5321 §6.3: too many Received fields are a loop.
    if (received > this.#limits.receivedFields)
      this.#refuse('5.4.6', 'Too many hops: the message seems to be in a loop', 554, 'loop');
    this.#hasResults = results;
    if (contentType !== '') this.#structure = MimeStructure.of(contentType);
  }

  #countParts(bytes: Uint8Array): void {
    const structure = this.#structure as MimeStructure;
    structure.receive(bytes);
    if (structure.parts > this.#limits.mimeParts)
      this.#refuse('5.6.0', 'Message has too many parts', 554, 'mime-parts');
    else if (structure.deepest > this.#limits.mimeDepth)
      this.#refuse('5.6.0', 'Message has parts too deep inside each other', 554, 'mime-depth');
  }

  #refuse(status: PermanentStatus, text: string, code: number, reason: string): void {
    this.#refusal = Verdict.reject(status, text, { code, reason });
  }

  /** The head so far and what came; the room doubles, so that octets sent one by one cost no more than others. */
  #appended(bytes: Uint8Array): Uint8Array {
    const before = this.#head.length;
    const length = before + bytes.length;
    let room = this.#room;
    if (room === undefined || room.length < length) {
      room = new Uint8Array(Math.max(4096, length * 2));
      room.set(this.#head);
      this.#room = room;
    }
    room.set(bytes, before);
    return room.subarray(0, length);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }
}
