// A line between two threads: things told, and things asked and answered, in the order in which they were said. What is
// said within one turn of the event loop travels as one message. Typed by a table of words; knows nothing of mail.

import { type ErrorCode, errorCodes, PosthouseError } from '../../contract/index.ts';

/** What may be said in one direction: each word with what goes along, and what comes back where it is a question. */
export interface Words {
  readonly [word: string]: { readonly given: unknown; readonly answer?: unknown };
}

export type Hearers<W extends Words> = {
  readonly [K in keyof W]: (given: W[K]['given']) => W[K] extends { answer: infer A } ? A | Promise<A> : void;
};

/** As `MessagePort`, `parentPort` and `Worker` have it. */
export interface Port {
  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', hear: (value: unknown) => void): unknown;
}

interface Letter {
  /** Of a question and its answer; 0 where nobody waits for one. */
  readonly id: number;
  /** undefined: this is an answer. */
  readonly word: string | undefined;
  readonly value?: unknown;
  readonly failure?: { readonly code: ErrorCode | undefined; readonly message: string };
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class Line<Out extends Words, In extends Words> {
  readonly #port: Port;
  readonly #hearers: Hearers<In>;
  readonly #trouble: (text: string) => void;
  readonly #waiting = new Map<number, Waiting>();
  #letters: Letter[] = [];
  #transfer: ArrayBuffer[] = [];
  #lastId = 0;
  #closed: Error | undefined;

  /** @param trouble told of what could not be sent, and of hearers that threw where nobody waits for an answer */
  constructor(port: Port, hearers: Hearers<In>, trouble: (text: string) => void) {
    this.#port = port;
    this.#hearers = hearers;
    this.#trouble = trouble;
    port.on('message', (letters) => this.#hear(letters as readonly Letter[]));
  }

  /** @param transfer buffers in `given` that change hands */
  tell<K extends keyof Out & string>(
    word: K,
    given: Out[K]['given'],
    transfer?: readonly ArrayBuffer[],
  ): void {
    if (this.#closed === undefined) this.#post({ id: 0, word, value: given }, transfer);
  }

  /** Rejects with what the other side threw (a PosthouseError stays one), or when the line is closed. */
  ask<K extends keyof Out & string>(
    word: K,
    given: Out[K]['given'],
    transfer?: readonly ArrayBuffer[],
  ): Promise<Out[K] extends { answer: infer A } ? A : never> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ id, word, value: given }, transfer);
    });
  }

  /** The other side is gone: whoever waits for an answer gets this error, and nothing more is said. */
  close(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#letters = [];
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Sends what is gathered now. */
  flush(): void {
    if (this.#letters.length === 0 || this.#closed !== undefined) return;
    const letters = this.#letters;
    const transfer = this.#transfer;
    this.#letters = [];
    this.#transfer = [];
    try {
      this.#port.postMessage(letters, transfer);
    } catch {
      // Something in it is not for other threads: the others are not to suffer for it.
      for (const letter of letters) this.#postAlone(letter);
    }
  }

  #post(letter: Letter, transfer: readonly ArrayBuffer[] | undefined): void {
    // After the sockets of this turn have been read: what they bring travels together.
    if (this.#letters.length === 0) setImmediate(() => this.flush());
    this.#letters.push(letter);
    if (transfer !== undefined) this.#transfer.push(...transfer);
  }

  /** Buffers are copied. */
  #postAlone(letter: Letter): void {
    try {
      this.#port.postMessage([letter], []);
    } catch (error) {
      const text = `${letter.word ?? 'an answer'} cannot go to another thread: ${messageOf(error)}`;
      this.#trouble(text);
      const failure = { code: undefined, message: text };
      if (letter.word === undefined) this.#port.postMessage([{ ...letter, value: undefined, failure }], []);
      else this.#settle(letter.id, (waiting) => waiting.reject(new Error(text)));
    }
  }

  #hear(letters: readonly Letter[]): void {
    for (const { id, word, value, failure } of letters) {
      if (word !== undefined) this.#heard(id, word, value);
      else if (failure === undefined) this.#settle(id, ({ resolve }) => resolve(value as never));
      else this.#settle(id, ({ reject }) => reject(errorOf(failure)));
    }
  }

  #heard(id: number, word: string, value: unknown): void {
    const answer = (reply: Omit<Letter, 'id' | 'word'>): void => {
      if (id !== 0 && this.#closed === undefined) this.#post({ id, word: undefined, ...reply }, undefined);
    };
    const fail = (error: unknown): void => {
      const code = error instanceof PosthouseError ? error.code : undefined;
      if (id === 0) this.#trouble(messageOf(error));
      answer({ failure: { code, message: messageOf(error) } });
    };
    try {
      const said: unknown = (this.#hearers[word] as (given: unknown) => unknown)(value);
      if (said instanceof Promise) said.then((ready: unknown) => answer({ value: ready }), fail);
      else answer({ value: said });
    } catch (error) {
      fail(error);
    }
  }

  #settle(id: number, settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    settle(waiting);
  }
}

function errorOf({ code, message }: NonNullable<Letter['failure']>): Error {
  return code !== undefined && Object.hasOwn(errorCodes, code)
    ? new PosthouseError(code, message)
    : new Error(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
