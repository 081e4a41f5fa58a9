// Asks milters, the filters of Postfix and Sendmail, about sessions and messages, over the milter protocol (version 6).
// Not for: being a milter; rspamd and ClamAV, which have ways of their own (check-rspamd, check-clamd).

import {
  Clock,
  type ConnectAsked,
  definePlugin,
  type Logger,
  ServerIdentity,
  type SessionView,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { Conversation } from './conversation.ts';
import { fixedValues } from './macros.ts';
import { type Milter, miltersOf } from './milter.ts';
import { SessionDesk } from './session-desk.ts';

/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

export default definePlugin({
  name: 'check-milter',
  config: ConfigSchema,
  needs: { clock: Clock, identity: ServerIdentity },
  setup(tools) {
    const milters = miltersOf(tools.config);
    const desks = new Desks(tools, milters);
    const first = milters.some(({ from }) => from === 'connect');
    const early = milters.some(({ from }) => from !== 'data');
    return {
      describe: () => `milters: ${milters.map(({ name, at }) => `${name} at ${at}`).join(', ')}`,
      hooks: {
        ...(first && { 'on-connect': (asked) => desks.anew(asked).connect(asked) }),
        ...(early && { 'on-mail-from': (asked) => desks.of(asked).mail(asked) }),
        ...(early && {
          // Behind the others: a milter hears of recipients whom the house takes.
          'on-rcpt': {
            order: 'late' as const,
            handler: (asked) => (asked.claimed ? desks.of(asked).rcpt(asked) : undefined),
          },
        }),
        'on-data': (asked) => desks.of(asked).data(asked),
      },
      observe: {
        'connection-closed': ({ session }) => desks.close(session),
        'authentication-succeeded': ({ session, mechanism }) => desks.authenticated(session, mechanism),
      },
      stop: () => desks.stop(),
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly clock: Clock;
  readonly identity: ServerIdentity;
  readonly log: Logger;
}

/** The sessions that milters know of, each with its own conversations. */
class Desks {
  readonly #tools: Tools;
  readonly #milters: readonly Milter[];
  readonly #desks = new Map<string, SessionDesk>();
  readonly #mechanisms = new Map<string, string>();
  readonly #fixed: ReadonlyMap<string, string>;
  readonly #toldAt = new Map<Milter, number>();

  constructor(tools: Tools, milters: readonly Milter[]) {
    this.#tools = tools;
    this.#milters = milters;
    this.#fixed = fixedValues(tools.config.values);
  }

  of({ session }: ConnectAsked): SessionDesk {
    const known = this.#desks.get(session.id);
    if (known !== undefined) return known;
    const desk = this.#newDesk(session);
    this.#desks.set(session.id, desk);
    return desk;
  }

  /** Another client may speak in the same session from now on (XCLIENT). */
  anew(asked: ConnectAsked): SessionDesk {
    this.close(asked.session.id);
    return this.of(asked);
  }

  authenticated(session: string, mechanism: string): void {
    this.#mechanisms.set(session, mechanism);
  }

  close(session: string): void {
    this.#mechanisms.delete(session);
    this.#desks.get(session)?.close();
    this.#desks.delete(session);
  }

  stop(): void {
    for (const desk of this.#desks.values()) desk.destroy();
    this.#desks.clear();
    this.#mechanisms.clear();
  }

  #newDesk({ id }: SessionView): SessionDesk {
    const { clock, config, identity } = this.#tools;
    const services = {
      config,
      clock,
      hostname: identity.hostname,
      fixed: this.#fixed,
      mechanism: () => this.#mechanisms.get(id),
    };
    return new SessionDesk(
      this.#milters.map((milter) => new Conversation(milter, services)),
      {
        maxBody: config.replacedBody,
        failed: ({ milter }, error) => this.#tell(milter, error),
      },
    );
  }

  #tell(milter: Milter, error: unknown): void {
    const { clock, log } = this.#tools;
    const now = clock.now();
    if (now - (this.#toldAt.get(milter) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN) return;
    this.#toldAt.set(milter, now);
    const why = error instanceof Error ? error.message : String(error);
    log.error({ milter: milter.name, at: milter.at, why }, 'a milter gives no answer');
  }
}
