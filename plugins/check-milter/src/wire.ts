// One connection to a milter: frames out, answers in, one at a time, and an end to everything when time is up.

import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '@posthouse/core';
import { type Frame, FrameReader } from './frame-reader.ts';
import type { Place } from './place.ts';
import { frame, Nonsense } from './protocol.ts';

interface Waiter {
  readonly resolve: (frame: Frame | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class MilterWire {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader = new FrameReader();
  readonly #heard: Frame[] = [];
  /** Whoever waits for a frame, or for room to write. */
  #answer: Waiter | undefined;
  #room: Waiter | undefined;
  #failure: Error | undefined;
  #timer: Timer | undefined;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;

  constructor(place: Place, clock: Clock) {
    this.#clock = clock;
    this.#socket = connect({ ...place, noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.#socket.on('drain', () => this.#room?.resolve(undefined));
    this.#socket.on('error', (error) => this.fail(error));
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.fail(new Error('the milter closed the connection'));
        resolve();
      });
    });
  }

  /**
   * Runs a part of the conversation, which may take so long; `progress` gives it as much time again. When that is over,
   * or the signal comes, or it throws, the connection is at its end.
   */
  async within<T>(milliseconds: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const abort = (): void => this.fail(new Error('nobody waits for the answer any more'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#timer = this.#clock.after(milliseconds, () =>
      this.fail(new Error(`no answer within ${milliseconds} ms`)),
    );
    try {
      return await work();
    } catch (error) {
      this.fail(error as Error);
      throw error;
    } finally {
      this.#timer.stop();
      this.#timer = undefined;
      signal.removeEventListener('abort', abort);
    }
  }

  /** The milter works on it: it has its whole time again. */
  progress(): void {
    this.#timer?.restart();
  }

  /** A promise means: wait before the next write. */
  send(octets: Buffer): Promise<unknown> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    // An answer that nobody has asked for would be taken for that to the next command.
    if (this.#heard.length > 0) throw new Nonsense('an answer to nothing');
    // What is written in one turn leaves in one write.
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
    if (this.#socket.write(octets)) return undefined;
    return new Promise<Frame | undefined>((resolve, reject) => {
      this.#room = { resolve, reject };
    });
  }

  async answer(): Promise<Frame> {
    const first = this.#heard.shift();
    if (first !== undefined) return first;
    if (this.#failure !== undefined) throw this.#failure;
    this.#socket.resume();
    return (await new Promise<Frame | undefined>((resolve, reject) => {
      this.#answer = { resolve, reject };
    })) as Frame;
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** Ends it in order: what was written goes out first. */
  quit(): void {
    if (this.#failure !== undefined) return;
    this.#socket.end(frame('quit'));
    this.#failure = new Error('the conversation has ended');
    // A milter that does not close its side is not waited for.
    const patience = this.#clock.after(QUIT_PATIENCE, () => this.#socket.destroy());
    this.#socket.on('close', () => patience.stop());
    this.#socket.resume();
  }

  /** Ends it at once. */
  fail(error: Error): void {
    if (this.#failure === undefined) this.#failure = error;
    this.#socket.destroy();
    this.#answer?.reject(this.#failure);
    this.#room?.reject(this.#failure);
    this.#answer = undefined;
    this.#room = undefined;
  }

  #receive(bytes: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      this.#heard.push(...this.#reader.receive(bytes));
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    const waiter = this.#answer;
    if (waiter !== undefined && this.#heard.length > 0) {
      this.#answer = undefined;
      waiter.resolve(this.#heard.shift());
    }
    // What has not been asked for yet stays with the kernel.
    if (this.#heard.length > 0) this.#socket.pause();
  }
}

const QUIT_PATIENCE = 1_000;
