// A body while it arrives: in memory up to the inline limit, beyond it in a file of its own. However large it gets,
// memory holds the inline limit or the bytes that the disk has not taken yet, whose number is bounded by waiting.

import type { FileHandle } from 'node:fs/promises';
import { type MessageBody, type MessageDraft, PosthouseError } from '@posthouse/core';
import type { BodyFiles } from './body-files.ts';
import { posthouseError } from './posthouse-error.ts';
import type { BodyPlace } from './rows.ts';

/** Unwritten octets of one draft above which its writer waits. */
const PRESSURE = 128 * 1024;
/** Chunks in one system call. */
const CHUNKS_AT_A_TIME = 64;
/** Below this average a chunk's own object would weigh more than its bytes. */
const SMALL_CHUNK = 1024;

/** A body that this plugin has drafted. */
export abstract class SqliteBody implements MessageBody {
  abstract readonly size: number;
  abstract readonly inMemory: readonly Uint8Array[] | undefined;
  #state: 'free' | 'claimed' | 'discarded' = 'free';

  abstract open(): AsyncIterable<Uint8Array>;
  abstract place(): BodyPlace;
  protected abstract forget(): void;

  /** False when it belongs to a commit already, or is gone. A commit that fails gives it back with `release`. */
  claim(): boolean {
    if (this.#state !== 'free') return false;
    this.#state = 'claimed';
    return true;
  }

  release(): void {
    this.#state = 'free';
  }

  discard(): void {
    if (this.#state !== 'free') return;
    this.#state = 'discarded';
    this.forget();
  }
}

export class SqliteDraft implements MessageDraft {
  readonly #files: BodyFiles;
  readonly #inlineBelow: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Chunks since the last ones were joined. */
  #loose = 0;
  #file: DraftFile | undefined;
  #body: SqliteBody | undefined;
  #discarded = false;

  constructor(files: BodyFiles, inlineBelow: number) {
    this.#files = files;
    this.#inlineBelow = inlineBelow;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length === 0) return undefined;
    this.#size += bytes.length;
    if (this.#file !== undefined) return this.#file.write(bytes);
    this.#chunks.push(bytes);
    this.#loose += 1;
    if (this.#loose === CHUNKS_AT_A_TIME) this.#join();
    if (this.#size <= this.#inlineBelow) return undefined;
    this.#file = new DraftFile(this.#files);
    const chunks = this.#chunks;
    this.#chunks = [];
    let wait: Promise<void> | undefined;
    for (const chunk of chunks) wait = this.#file.write(chunk);
    return wait;
  }

  finish(): Promise<MessageBody> | MessageBody {
    if (this.#file !== undefined) return this.#finishFile(this.#file);
    this.#body = new InlineBody(this.#chunks, this.#size);
    return this.#body;
  }

  discard(): void {
    this.#discarded = true;
    this.#chunks = [];
    if (this.#body !== undefined) this.#body.discard();
    else this.#file?.abandon();
  }

  async #finishFile(file: DraftFile): Promise<MessageBody> {
    await file.finish();
    if (this.#discarded) throw new PosthouseError('store-failed', 'The draft was discarded');
    this.#body = new FileBody(this.#files, file.name, this.#size);
    return this.#body;
  }

  /** Many small chunks become one: a client that sends octet by octet costs what it sends, not what holds it. */
  #join(): void {
    this.#loose = 0;
    const last = this.#chunks.slice(-CHUNKS_AT_A_TIME);
    const length = last.reduce((sum, { length: octets }) => sum + octets, 0);
    if (length > SMALL_CHUNK * CHUNKS_AT_A_TIME) return;
    this.#chunks.splice(-CHUNKS_AT_A_TIME, CHUNKS_AT_A_TIME, Buffer.concat(last, length));
  }
}

class InlineBody extends SqliteBody {
  readonly size: number;
  #chunks: Uint8Array[];

  constructor(chunks: Uint8Array[], size: number) {
    super();
    this.#chunks = chunks;
    this.size = size;
  }

  get inMemory(): readonly Uint8Array[] {
    return this.#chunks;
  }

  async *open(): AsyncIterable<Uint8Array> {
    yield* this.#chunks;
  }

  place(): BodyPlace {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.size)];
    return { size: this.size, file: null, body: this.#chunks[0] ?? null };
  }

  protected forget(): void {
    this.#chunks = [];
  }
}

class FileBody extends SqliteBody {
  readonly size: number;
  readonly inMemory: undefined;
  readonly #files: BodyFiles;
  readonly #name: string;

  constructor(files: BodyFiles, name: string, size: number) {
    super();
    this.#files = files;
    this.#name = name;
    this.size = size;
  }

  open(): AsyncIterable<Uint8Array> {
    return this.#files.read(this.#name, this.size);
  }

  place(): BodyPlace {
    return { size: this.size, file: this.#name, body: null };
  }

  protected forget(): void {
    this.#files.remove(this.#name);
  }
}

/** The file of one draft: writes in the order of arrival, one system call at a time. */
class DraftFile {
  readonly name: string;
  readonly #files: BodyFiles;
  #handle: FileHandle | undefined;
  #queue: Uint8Array[] = [];
  #unwritten = 0;
  #pumping: Promise<void> | undefined;
  #failure: PosthouseError | undefined;
  #abandoned = false;
  #waiting: { readonly promise: Promise<void>; readonly end: (failure?: PosthouseError) => void } | undefined;

  constructor(files: BodyFiles) {
    this.#files = files;
    this.name = files.nextName();
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#queue.push(bytes);
    this.#unwritten += bytes.length;
    this.#pumping ??= this.#pump();
    return this.#unwritten <= PRESSURE ? undefined : this.#wait();
  }

  /** Resolves when all bytes and the file's name are durable. */
  async finish(): Promise<void> {
    await this.#pumping;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#handle?.datasync();
      await this.#close();
      await this.#files.syncName(this.name);
    } catch (error) {
      throw posthouseError(error, `sync the body file ${this.name}`);
    }
  }

  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#queue = [];
    this.#files.remove(this.name, this.#leave());
  }

  async #leave(): Promise<void> {
    await this.#pumping;
    await this.#close();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Never rejects: a failure is told to whoever waits, writes next, or finishes. */
  async #pump(): Promise<void> {
    try {
      this.#handle ??= await this.#files.create(this.name);
      while (this.#queue.length > 0) {
        let batch = this.#queue.splice(0, CHUNKS_AT_A_TIME);
        while (batch.length > 0) {
          const { bytesWritten } = await this.#handle.writev(batch);
          batch = remaining(batch, bytesWritten);
          this.#unwritten -= bytesWritten;
        }
        if (this.#unwritten <= PRESSURE / 2) this.#waiting?.end();
      }
    } catch (error) {
      this.#failure = posthouseError(error, `write the body file ${this.name}`);
      this.#queue = [];
    }
    this.#pumping = undefined;
    this.#waiting?.end(this.#failure);
  }

  #wait(): Promise<void> {
    if (this.#waiting === undefined) {
      let settle: (failure?: PosthouseError) => void = () => undefined;
      const promise = new Promise<void>((resolve, reject) => {
        settle = (failure) => (failure === undefined ? resolve() : reject(failure));
      });
      const end = (failure?: PosthouseError): void => {
        this.#waiting = undefined;
        settle(failure);
      };
      this.#waiting = { promise, end };
    }
    return this.#waiting.promise;
  }
}

/** What a short write has left over. */
function remaining(batch: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  for (const [index, chunk] of batch.entries()) {
    if (left < chunk.length) return [chunk.subarray(left), ...batch.slice(index + 1)];
    left -= chunk.length;
  }
  return [];
}
