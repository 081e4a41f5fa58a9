// Allows and denies by the lists that administrators have: by client, country, HELO, sender, recipient or header field.
// Not for: whose mail is ours (accept-*); judging by circumstances, for which the other check-* plugins are.

import {
  Clock,
  type ConnectAsked,
  type DataAsked,
  definePlugin,
  type HookTable,
  isPermanentStatus,
  isTransientStatus,
  LET_THROUGH,
  type MailFromAsked,
  note,
  type RcptAsked,
  Verdict,
} from '@posthouse/core';
import type { Action } from './action.ts';
import { type Config, ConfigSchema } from './config.ts';
import { LiveFiles } from './live-files.ts';
import { type Rule, rulesOf } from './rule.ts';
import { addressKeys, clientKeys, domainKeys, type Kind } from './table.ts';

/** What can be done with the whole message only: said at MAIL or RCPT, done at its end. */
const AT_THE_END =
  note<
    readonly (
      | { readonly kind: 'discard' | 'hold'; readonly reason: string }
      | { readonly kind: 'prepend'; readonly name: string; readonly value: string }
    )[]
  >('check-access/at-the-end');
/** Where check-client stands before: a name of the client's address that leads back to it. */
const REVERSE_NAME = note<{ readonly confirmed: string | null }>('check-client/reverse-name');

type Answer = HookTable['on-connect']['answer'];
type DataAnswer = HookTable['on-data']['answer'];

export default definePlugin({
  name: 'check-access',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup({ config, clock, log }) {
    const { rules, files } = rulesOf(config);
    const live = new LiveFiles(files, clock, log);
    const desk = new AccessDesk(rules, config);
    return {
      describe: () => `${config.rules.length} lists of whom to allow and to deny`,
      hooks: {
        'on-connect': (asked) => desk.client(asked),
        'on-mail-from': (asked) => desk.sender(asked),
        'on-rcpt': (asked) => desk.recipient(asked),
        'on-data': (asked) => desk.message(asked),
      },
      start: () => live.start(),
      rehearse: 'start',
      stop: () => live.stop(),
    };
  },
});

class AccessDesk {
  readonly #rules: readonly Rule[];
  readonly #delimiter: string | undefined;

  constructor(rules: readonly Rule[], { recipientDelimiter }: Config) {
    this.#rules = rules;
    this.#delimiter = recipientDelimiter;
  }

  client(asked: ConnectAsked): Answer | undefined {
    const { remoteAddress, proxy } = asked.session;
    return this.#decide(asked, {
      client: (rule) =>
        rule.table.findAddress(remoteAddress) ?? rule.table.find(clientKeys(remoteAddress, proxy?.name)),
      country: (rule) => {
        const country = rule.countries?.of(remoteAddress);
        return country === undefined ? undefined : rule.table.find([country.toLowerCase()]);
      },
    });
  }

  sender(asked: MailFromAsked): Answer | undefined {
    const { session, sender, notes } = asked;
    const { helo, user } = session;
    const name = notes.get(REVERSE_NAME)?.confirmed?.toLowerCase();
    return this.#decide(asked, {
      ...(name !== undefined && { client: (rule) => rule.table.find([...domainKeys(name)]) }),
      // Programs of users call themselves what they like.
      ...(helo !== undefined &&
        user === undefined && { helo: (rule) => rule.table.find([...domainKeys(helo.toLowerCase())]) }),
      sender: (rule) => rule.table.find(sender === null ? ['<>'] : addressKeys(sender, this.#delimiter)),
    });
  }

  recipient(asked: RcptAsked): Answer | undefined {
    return this.#decide(asked, {
      recipient: (rule) => rule.table.find(addressKeys(asked.recipient, this.#delimiter)),
    });
  }

  message(asked: DataAsked): DataAnswer | undefined {
    const { message, notes, edits, recipients } = asked;
    const refusal = this.#decide(asked, {
      header: (rule) => {
        for (const value of message.headers.all(rule.header)) {
          const action = rule.table.findWithin(value);
          if (action !== undefined) return action;
        }
        return undefined;
      },
    });
    if (refusal !== undefined) return refusal;
    for (const each of notes.get(AT_THE_END) ?? []) {
      if (each.kind === 'prepend') edits.prependHeader(each.name, each.value);
      else if (recipients.length > 0)
        return each.kind === 'hold' ? Verdict.quarantine(each.reason) : Verdict.discard(each.reason);
    }
    return undefined;
  }

  /** The first rule that knows what it looks up decides. */
  #decide(
    asked: ConnectAsked,
    lookUps: { readonly [K in Kind]?: (rule: Rule) => Action | undefined },
  ): Answer | undefined {
    for (const rule of this.#rules) {
      const action = lookUps[rule.of]?.(rule);
      if (action === undefined || action.kind === 'dunno') continue;
      if (action.kind === 'log') {
        asked.log[action.level]({ list: rule.name }, action.text);
        continue;
      }
      if (action.kind === 'ok') {
        asked.notes.set(LET_THROUGH, rule.name);
        return undefined;
      }
      if (action.kind === 'prepend') {
        this.#atTheEnd(asked, action, rule);
        continue;
      }
      if (action.kind === 'discard' || action.kind === 'hold') {
        this.#atTheEnd(asked, action, rule);
        return undefined;
      }
      return verdictOf(action, rule);
    }
    return undefined;
  }

  #atTheEnd(
    { notes }: ConnectAsked,
    action: Exclude<Action, { kind: 'ok' | 'dunno' | 'log' | 'reject' | 'defer' | 'disconnect' }>,
    rule: Rule,
  ): void {
    const entry =
      action.kind === 'prepend'
        ? { kind: action.kind, name: action.name, value: action.value }
        : { kind: action.kind, reason: action.text ?? `access.${rule.of}` };
    notes.set(AT_THE_END, [...(notes.get(AT_THE_END) ?? []), entry]);
  }
}

const DENIED: { readonly [K in Kind]: string } = {
  client: 'Your address is not welcome here',
  country: 'Your address is not welcome here',
  helo: 'Your host name is not welcome here',
  sender: 'The sender is not welcome here',
  recipient: 'The recipient takes no mail',
  header: 'The message is not welcome here',
};

function verdictOf(
  action: Exclude<Action, { kind: 'ok' | 'dunno' | 'log' | 'prepend' | 'discard' | 'hold' }>,
  { of }: Rule,
): Answer {
  const text = action.text ?? DENIED[of];
  const reason = `access.${of}`;
  if (action.kind === 'disconnect') return Verdict.disconnect(text, { reason });
  // Before the banner there are no codes but 554 and 421 (RFC 5321 §3.1), and the core has its own.
  const code = action.code === undefined || of === 'client' || of === 'country' ? {} : { code: action.code };
  const { status = '' } = action;
  return action.kind === 'reject'
    ? Verdict.reject(isPermanentStatus(status) ? status : '5.7.1', text, { reason, ...code })
    : Verdict.defer(isTransientStatus(status) ? status : '4.7.1', text, { reason, ...code });
}
