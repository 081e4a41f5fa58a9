// Asks rspamd about messages and does what it says: refuse, defer, mark, pass.
// Not for: viruses alone (check-clamd); teaching rspamd, for which it has its own ways.

import {
  addReason,
  Clock,
  type DataAsked,
  definePlugin,
  type HookTable,
  type Logger,
  note,
  ServerIdentity,
  Verdict,
} from '@posthouse/core';
import type { Judgement } from './answer.ts';
import { type Config, ConfigSchema } from './config.ts';
import { Rspamd } from './rspamd.ts';

const RESULT = note<{
  readonly action: string;
  readonly score: number;
  readonly required: number;
  readonly symbols: readonly string[];
}>('check-rspamd/result');
/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

type Answer = HookTable['on-data']['answer'];

export default definePlugin({
  name: 'check-rspamd',
  config: ConfigSchema,
  needs: { clock: Clock, identity: ServerIdentity },
  setup(tools) {
    const desk = new RspamdDesk(tools);
    return {
      describe: () => `rspamd at ${tools.config.url} judges messages`,
      hooks: { 'on-data': (asked) => desk.judge(asked) },
      stop: () => desk.stop(),
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly clock: Clock;
  readonly identity: ServerIdentity;
  readonly log: Logger;
}

class RspamdDesk {
  readonly #tools: Tools;
  readonly #rspamd: Rspamd;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tools: Tools) {
    this.#tools = tools;
    this.#rspamd = new Rspamd(tools.config);
  }

  stop(): void {
    this.#rspamd.close();
  }

  async judge(asked: DataAsked): Promise<Answer | undefined> {
    const { config } = this.#tools;
    const { message, edits } = asked;
    if (message.headers.first(config.spamField) !== undefined) edits.removeHeader(config.spamField);
    if (message.size > config.maxSize) return undefined;
    let judgement: Judgement;
    try {
      judgement = await this.#ask(asked);
    } catch (error) {
      return this.#unavailable(error);
    }
    const { action, score, required, symbols } = judgement;
    asked.notes.set(RESULT, { action, score, required, symbols });
    if (config.milterHeaders) editHeaders(asked, judgement);
    if (config.action === 'score') {
      addReason(asked.notes, 'rspamd', score);
      return undefined;
    }
    return this.#follow(asked, judgement);
  }

  async #ask(asked: DataAsked): Promise<Judgement> {
    const { clock, config, identity } = this.#tools;
    const controller = new AbortController();
    const late = new Error(`no answer within ${config.timeout} ms`);
    let giveUp: (reason: Error) => void = () => {};
    const gaveUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const abort = (reason: Error): void => {
      giveUp(reason);
      controller.abort(reason);
    };
    const timer = clock.after(config.timeout, () => abort(late));
    const gone = (): void => abort(new Error('the client is gone'));
    asked.signal.addEventListener('abort', gone, { once: true });
    if (asked.signal.aborted) gone();
    try {
      return await Promise.race([this.#rspamd.judge(asked, identity.hostname, controller.signal), gaveUp]);
    } finally {
      timer.stop();
      asked.signal.removeEventListener('abort', gone);
    }
  }

  #follow({ message, edits }: DataAsked, { action, text, subject, score }: Judgement): Answer | undefined {
    const { config } = this.#tools;
    const reason = `rspamd.${action.replace(/ /g, '-')}`;
    switch (action) {
      case 'reject':
        if (config.reject === 'quarantine') return Verdict.quarantine(reason);
        if (config.reject === 'discard') return Verdict.discard(reason);
        return Verdict.reject('5.7.1', text ?? 'The message looks like spam', { reason });
      case 'soft reject':
        return Verdict.defer('4.7.1', text ?? 'Please try again later', { reason });
      case 'greylist':
        if (config.greylist === 'pass') return undefined;
        return Verdict.defer('4.7.1', text ?? 'Greylisted, please try again later', { reason });
      case 'quarantine':
        return Verdict.quarantine(reason);
      case 'discard':
        return Verdict.discard(reason);
      case 'rewrite subject':
        edits.replaceHeader(
          'Subject',
          subject ?? config.subject.replace('%s', () => message.headers.first('Subject') ?? ''),
        );
        edits.prependHeader(config.spamField, 'Yes');
        return undefined;
      case 'add header':
        edits.prependHeader(config.spamField, 'Yes');
        return undefined;
      case 'no action':
        return undefined;
      default:
        // An action of the operator's own making: what it means, rspamd's milter headers have to say.
        this.#tools.log.debug({ action, score }, 'rspamd has an action that is not known here');
        return undefined;
    }
  }

  #unavailable(error: unknown): Answer | undefined {
    const { clock, config, log } = this.#tools;
    if (clock.now() - this.#toldAt >= TELL_AGAIN) {
      this.#toldAt = clock.now();
      log.error({ url: config.url, error: String(error) }, 'rspamd gives no answer');
    }
    if (config.unavailable === 'pass') return undefined;
    return Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', {
      reason: 'rspamd.unavailable',
    });
  }
}

function editHeaders({ message, edits }: DataAsked, { add, remove }: Judgement): void {
  for (const { name, index } of remove) {
    const count = message.headers.all(name).length;
    const which = index < 0 ? count + index + 1 : index;
    let seen = 0;
    edits.removeHeader(name, () => {
      seen += 1;
      return which === 0 || seen === which;
    });
  }
  // The last one to be put on top stands on top.
  for (const { name, value } of [...add].reverse()) edits.prependHeader(name, value);
}
