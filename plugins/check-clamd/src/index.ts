// Has ClamAV look for viruses: each message goes to clamd, over a socket, as it is.
// Not for: spam (check-rspamd); unpacking or cleaning messages.

import {
  Clock,
  type DataAsked,
  definePlugin,
  type HookTable,
  type Logger,
  note,
  Verdict,
} from '@posthouse/core';
import { type ScanResult, scanAt } from './clamd.ts';
import { type Config, ConfigSchema } from './config.ts';
import { Turnstile } from './turnstile.ts';

/** `clean`, `found` with the signature's name, or why there is no result. */
const RESULT = note<{ readonly result: string; readonly name?: string }>('check-clamd/result');
const FIELD = 'X-Virus-Scanned';
/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

type Answer = HookTable['on-data']['answer'];

export default definePlugin({
  name: 'check-clamd',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup(tools) {
    const desk = new VirusDesk(tools);
    return {
      describe: () => `clamd at ${tools.config.servers.join(', ')} looks for viruses`,
      hooks: { 'on-data': (asked) => desk.judge(asked) },
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
}

class VirusDesk {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #turnstile: Turnstile;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor({ config, clock, log }: Tools) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#turnstile = new Turnstile(config.scans);
  }

  async judge(asked: DataAsked): Promise<Answer | undefined> {
    const { message, notes, edits } = asked;
    const { maxSize, field } = this.#config;
    if (field && message.headers.first(FIELD) !== undefined) edits.removeHeader(FIELD);
    const result: ScanResult = message.size > maxSize ? { kind: 'too-large' } : await this.#scan(asked);
    notes.set(RESULT, {
      result: result.kind,
      ...(result.kind === 'found' && { name: result.name }),
    });
    if (result.kind === 'failed') return this.#unavailable(result.why);
    if (result.kind === 'too-large') return this.#tooLarge();
    if (result.kind === 'found' && !this.#config.ignore.some((start) => result.name.startsWith(start)))
      return this.#found(result.name, asked);
    if (field) edits.prependHeader(FIELD, 'clean');
    return undefined;
  }

  /** The servers in their order, the next one where one cannot be reached. */
  async #scan({ message, signal }: DataAsked): Promise<ScanResult> {
    const { servers, timeout } = this.#config;
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const timer = this.#clock.after(timeout, () =>
      controller.abort(new Error(`clamd gave no answer within ${timeout} ms`)),
    );
    let leave: (() => void) | undefined;
    try {
      leave = await this.#turnstile.enter(controller.signal);
      let result: ScanResult = { kind: 'failed', why: 'no clamd is configured' };
      for (const server of servers) {
        const { connected, ...found } = await scanAt(server, message.open(), controller.signal);
        result = found;
        if (connected || controller.signal.aborted) break;
      }
      return result;
    } catch (error) {
      return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
    } finally {
      leave?.();
      timer.stop();
      signal.removeEventListener('abort', abort);
    }
  }

  #found(name: string, { edits }: DataAsked): Answer | undefined {
    const reason = `clamd.${name}`;
    switch (this.#config.found) {
      case 'reject':
        return Verdict.reject('5.7.1', `The message has a virus: ${name}`, { reason });
      case 'quarantine':
        return Verdict.quarantine(reason);
      case 'discard':
        return Verdict.discard(reason);
      case 'note':
        edits.prependHeader(FIELD, `found ${name}`);
        return undefined;
    }
  }

  #tooLarge(): Answer | undefined {
    const reason = 'clamd.too-large';
    if (this.#config.tooLarge === 'pass') return undefined;
    return this.#config.tooLarge === 'reject'
      ? Verdict.reject('5.3.4', 'The message is too large to be looked at', { code: 552, reason })
      : Verdict.defer('4.3.4', 'The message is too large to be looked at', { code: 452, reason });
  }

  #unavailable(why: string): Answer | undefined {
    if (this.#clock.now() - this.#toldAt >= TELL_AGAIN) {
      this.#toldAt = this.#clock.now();
      this.#log.error({ why }, 'messages cannot be looked at for viruses');
    }
    if (this.#config.unavailable === 'pass') return undefined;
    return Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', {
      reason: 'clamd.unavailable',
    });
  }
}
