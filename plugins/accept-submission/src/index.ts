// Takes mail from people who have authenticated, to anywhere, under their own addresses (RFC 6409).
// Not for: checking passwords (auth-*), mail from other servers (accept-domains), clients known by address (accept-networks).

import {
  Clock,
  type DataAsked,
  definePlugin,
  type HookTable,
  Identifiers,
  type Mailbox,
  type MailFromAsked,
  note,
  type RcptAsked,
  ServerIdentity,
  type SessionView,
  TrustedNetworks,
  Verdict,
} from '@posthouse/core';
import { type Allowance, Allowances, describeExceeded } from './allowance.ts';
import { authorOf, unqualifiedField } from './author.ts';
import { type Config, ConfigSchema } from './config.ts';
import { fixUp } from './fix-ups.ts';
import { SenderFile } from './sender-file.ts';
import { type SenderEntry, SenderTable } from './sender-table.ts';

/** Whose message it is by its From and Sender fields; there where `headerFrom` is not `ignore`. */
const AUTHOR = note<'own' | 'foreign' | 'unreadable'>('accept-submission/author');

interface Tools {
  readonly config: Config;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly identity: ServerIdentity;
}

export default definePlugin({
  name: 'accept-submission',
  config: ConfigSchema,
  needs: { clock: Clock, identifiers: Identifiers, identity: ServerIdentity },
  setup(tools) {
    const { config, clock, log } = tools;
    const submission = new Submission(tools);
    const file =
      config.file === undefined
        ? undefined
        : new SenderFile({ path: config.file, clock, log, use: (entries) => submission.useSenders(entries) });
    return {
      describe: () => `users may send to anywhere as ${config.senders.join(', ') || 'their own addresses'}`,
      hooks: {
        'on-mail-from': (asked) => submission.judgeSender(asked),
        // Late, so that the plugin which knows our own mailboxes can refuse unknown ones before this claim hides them.
        'on-rcpt': { order: 'late', handler: (asked) => submission.judgeRecipient(asked) },
        'on-data': (asked) => submission.judgeMessage(asked),
      },
      start: () => file?.start(),
      rehearse: 'start',
      stop: () => file?.stop(),
    };
  },
});

class Submission {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #identifiers: Identifiers;
  readonly #hostname: string;
  readonly #allowances: Allowances;
  readonly #allowed: ReadonlyMap<string, Allowance>;
  readonly #complete: ReadonlySet<string>;
  readonly #trusted: TrustedNetworks;
  #senders: SenderTable;

  constructor({ config, clock, identifiers, identity }: Tools) {
    this.#config = config;
    this.#clock = clock;
    this.#identifiers = identifiers;
    this.#hostname = identity.hostname;
    this.#allowances = new Allowances(clock, config.trackedUsers);
    this.#allowed = new Map(
      Object.entries(config.userLimits ?? {}).map(([user, own]) => [user, { ...config, ...own }]),
    );
    this.#complete = new Set(config.singleLabelDomains.map((domain) => domain.toLowerCase()));
    this.#trusted = new TrustedNetworks(config.trustedNetworks, 'trustedNetworks');
    this.#senders = this.#tableWith([]);
  }

  /** The entries of the sender file take the place of those before. Throws, and changes nothing, when one is wrong. */
  useSenders(entries: readonly SenderEntry[]): void {
    this.#senders = this.#tableWith(entries);
  }

  judgeSender({ session, sender }: MailFromAsked): HookTable['on-mail-from']['answer'] | undefined {
    const { requireAuth, nullSender } = this.#config;
    const { user } = session;
    const by = this.#whose(session);
    if (by === 'a stranger') {
      if (!requireAuth) return undefined;
      return Verdict.reject('5.7.0', 'Authentication required', {
        code: 530,
        reason: 'submission.unauthenticated',
      });
    }
    if (sender === null) {
      if (user !== undefined && nullSender === 'reject')
        return Verdict.reject('5.7.1', 'The null sender is not for people', {
          reason: 'submission.null-sender',
        });
    } else {
      if (!this.#isQualified(sender.domain))
        return Verdict.reject('5.1.8', `The sender's domain "${sender.domain}" is not fully qualified`, {
          code: 554,
          reason: 'submission.unqualified-sender',
        });
      if (user !== undefined && !this.#senders.mayUse(user, sender))
        return Verdict.reject('5.7.1', `User ${user} may not send as <${sender}>`, {
          reason: 'submission.foreign-sender',
        });
    }
    return this.#overLimit(user, 1, 0);
  }

  judgeRecipient({ session, recipient, accepted }: RcptAsked): HookTable['on-rcpt']['answer'] | undefined {
    // The bare postmaster (RFC 5321 §4.1.1.3) is a mailbox of this server, for its own plugins to claim.
    const by = this.#whose(session);
    if (by === 'a stranger' || recipient.domain === '') return undefined;
    if (!this.#isQualified(recipient.domain))
      return Verdict.reject('5.1.2', `The domain "${recipient.domain}" is not fully qualified`, {
        code: 554,
        reason: 'submission.unqualified-recipient',
      });
    const reason = by === 'a user' ? 'submission.authenticated' : 'submission.trusted-network';
    return this.#overLimit(session.user, 0, accepted.length + 1) ?? Verdict.accept({ reason });
  }

  judgeMessage(asked: DataAsked): HookTable['on-data']['answer'] | undefined {
    const { session, recipients, message, edits } = asked;
    const { user } = session;
    if (this.#whose(session) === 'a stranger') return undefined;
    const unqualified = unqualifiedField(message.headers, (domain) => this.#isQualified(domain));
    if (unqualified !== undefined) {
      const { field, address } = unqualified;
      return Verdict.reject('5.6.0', `The domain of <${address}> in ${field} is not fully qualified`, {
        code: 554,
        reason: 'submission.unqualified-header',
      });
    }
    const refusal =
      user === undefined || this.#config.headerFrom === 'ignore'
        ? undefined
        : this.#judgeAuthor(asked, user, this.#config.headerFrom);
    if (refusal !== undefined) return refusal;
    // Once more: several connections of one user may have come this far side by side.
    const over = this.#overLimit(user, 1, recipients.length);
    if (over !== undefined) return over;
    if (user !== undefined) this.#allowances.spend(user, { messages: 1, recipients: recipients.length });
    fixUp(message.headers, edits, {
      now: this.#clock.now(),
      identifier: () => this.#identifiers.next(),
      hostname: this.#hostname,
      removeBcc: this.#config.removeBcc,
    });
    return undefined;
  }

  #judgeAuthor(
    { message, sender, edits, notes, log }: DataAsked,
    user: string,
    rule: 'reject' | 'add-sender' | 'note',
  ): HookTable['on-data']['answer'] | undefined {
    const mayUse = (address: Mailbox): boolean => this.#senders.mayUse(user, address);
    const author = authorOf(message.headers, mayUse);
    notes.set(AUTHOR, author.kind);
    if (author.kind === 'own') return undefined;
    if (rule === 'note') {
      log.info({ user, author }, 'the message is not in the name of its user');
      return undefined;
    }
    if (author.kind === 'unreadable')
      // RFC 6409 §5.1
      return Verdict.reject('5.6.0', `The message ${author.why}`, {
        code: 554,
        reason: 'submission.no-author',
      });
    if (rule === 'add-sender' && sender !== null) {
      // RFC 6409 §8.1: a valid address, which the envelope's has been found to be.
      if (!author.ownSender) edits.replaceHeader('Sender', sender.toString());
      return undefined;
    }
    return Verdict.reject('5.7.1', `User ${user} may not send as <${author.address}> (${author.field})`, {
      reason: 'submission.foreign-author',
    });
  }

  #overLimit(
    user: string | undefined,
    messages: number,
    recipients: number,
  ): ReturnType<typeof Verdict.defer> | undefined {
    if (user === undefined) return undefined;
    const allowed = this.#allowed.get(user) ?? this.#config;
    const exceeded = this.#allowances.exceeded(user, allowed, { messages, recipients });
    if (exceeded === undefined) return undefined;
    return Verdict.defer('4.7.28', describeExceeded(exceeded), {
      code: exceeded.what === 'messages' ? 450 : 452,
      reason: `submission.${exceeded.what}-per-${exceeded.per}`,
    });
  }

  #whose({ user, remoteAddress }: SessionView): 'a user' | 'a trusted client' | 'a stranger' {
    if (user !== undefined) return 'a user';
    return this.#trusted.has(remoteAddress) ? 'a trusted client' : 'a stranger';
  }

  #isQualified(domain: string): boolean {
    return domain.includes('.') || domain.startsWith('[') || this.#complete.has(domain);
  }

  #tableWith(entries: readonly SenderEntry[]): SenderTable {
    const { senders, users, recipientDelimiter } = this.#config;
    const configured = Object.entries(users ?? {}).map(([user, own]) => ({
      user,
      senders: own,
      where: `users["${user}"]`,
    }));
    return new SenderTable({ senders, entries: [...configured, ...entries], recipientDelimiter });
  }
}
