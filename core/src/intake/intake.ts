// From a complete message and its rulings to what is committed: trace fields, edits, signatures; the desk makes it
// durable. Only after `submit` has resolved with an accept may anybody say 250.

import { inject, injectable } from 'inversify';
import {
  type Accept,
  AuthenticationResultsRules,
  Clock,
  type Defer,
  type Disconnect,
  EventSink,
  Identifiers,
  Limits,
  Logger,
  type MessageBody,
  type MessageDraft,
  type MessageOrigin,
  type MessageRecord,
  PosthouseError,
  type Priority,
  type Recipient,
  type Reject,
  ServerIdentity,
  type TlsFacts,
  Verdict,
} from '../contract/index.ts';
import { type Edit, FAILURE, type NoteBook, type Ruling } from '../hooks/index.ts';
import { type Mailbox, MailDates, type MailParameters, type ReversePath } from '../smtp/index.ts';
import { authenticationResults, withoutForgedResults } from './authentication-results.ts';
import { Backlog } from './backlog.ts';
import { CommitDesk } from './commit-desk.ts';
import { dispositionForEach, dispositionOf } from './disposition.ts';
import { addedRecipients, editedPriority, editedSender, type Fated } from './envelope-edits.ts';
import { editHeader, formatField } from './header-section.ts';
import { IncomingMessage } from './incoming-message.ts';
import { skip } from './octets.ts';
import { RewritingFailure, rewritten } from './rewriting.ts';
import { SigningFailure, signedHead } from './signing.ts';
import { receivedField } from './trace.ts';

/** Everything that is known of a message when its last octet is in and the hooks have been asked. */
export interface Submission {
  readonly message: IncomingMessage;
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
  readonly recipients: readonly Recipient[];
  readonly origin: MessageOrigin;
  readonly tls: TlsFacts | undefined;
  readonly notes: NoteBook;
  readonly ruling: Ruling;
  readonly perRecipient: ReadonlyMap<Mailbox, Ruling> | undefined;
  /** LMTP: each recipient is answered for itself. */
  readonly answersEach: boolean;
  readonly edits: readonly Edit[];
  /** Milliseconds after which it is given up. Default: that of the delivery. */
  readonly expireAfter?: number;
  /** Left out: normal. */
  readonly priority?: Priority;
}

/** What the client hears: an accept names the message's id. */
export type SubmissionAnswer =
  | (Accept & { readonly text: string })
  | Reject
  | Defer
  | Disconnect
  | { readonly kind: 'each'; readonly answers: readonly (Accept | Reject | Defer)[] };

@injectable()
export class Intake {
  readonly #desk: CommitDesk;
  readonly #clock: Clock;
  readonly #identifiers: Identifiers;
  readonly #events: EventSink;
  readonly #limits: Limits;
  readonly #hostname: string;
  readonly #rules: AuthenticationResultsRules;
  readonly #log: Logger;
  readonly #backlog: Backlog;
  readonly #dates = new MailDates();

  constructor(
    @inject(CommitDesk) desk: CommitDesk,
    @inject(Clock) clock: Clock,
    @inject(Identifiers) identifiers: Identifiers,
    @inject(EventSink) events: EventSink,
    @inject(Limits) limits: Limits,
    @inject(Backlog) backlog: Backlog,
    @inject(ServerIdentity) identity: ServerIdentity,
    @inject(AuthenticationResultsRules) rules: AuthenticationResultsRules,
    @inject(Logger) log: Logger,
  ) {
    this.#desk = desk;
    this.#clock = clock;
    this.#identifiers = identifiers;
    this.#events = events;
    this.#limits = limits;
    this.#backlog = backlog;
    this.#hostname = identity.hostname;
    this.#rules = rules;
    this.#log = log;
  }

  /** The store does not keep up: no new message should be begun. */
  get isBusy(): boolean {
    return this.#backlog.isFull;
  }

  /** A message is about to come in. Whoever begins it submits it or discards it. */
  begin(): IncomingMessage {
    return new IncomingMessage(this.#draft(), this.#limits, this.#backlog);
  }

  /** A store that cannot even begin a draft fails the message, not the connection. */
  #draft(): MessageDraft {
    try {
      return this.#desk.draft();
    } catch (error) {
      const fail = (): never => {
        throw error;
      };
      return { write: fail, finish: fail, discard: () => {} };
    }
  }

  /** Durable when it resolves with an accept. Never rejects; whatever was not accepted is forgotten. */
  async submit(submission: Submission): Promise<SubmissionAnswer> {
    const { message, recipients, ruling, perRecipient, origin } = submission;
    const disposition = submission.answersEach
      ? dispositionForEach(recipients, ruling, perRecipient)
      : dispositionOf(recipients, ruling, perRecipient, origin.user !== undefined);
    if (disposition.kind === 'refuse') {
      message.discard();
      return disposition.verdict;
    }
    const id = this.#identifiers.next();
    const { fates } = disposition;
    let gone = 0;
    for (const each of fates) if (!isKept(each)) gone += 1;
    if (gone > 0) this.#announceDropped(submission, fates);
    const added = addedRecipients(submission.edits, fates, ruling);
    if (gone === fates.length && added.length === 0) {
      message.discard();
      return answerTo(id, fates, gone);
    }
    const kept = gone === 0 ? fates : fates.filter(isKept);
    try {
      await this.#commit(id, submission, added.length === 0 ? kept : [...kept, ...added]);
      message.settled();
      return answerTo(id, fates, gone);
    } catch (error) {
      message.discard();
      // The failure of a plugin is an event already.
      if (error instanceof SigningFailure || error instanceof RewritingFailure) return FAILURE;
      return storeFailure(error, this.#log, origin.session);
    }
  }

  /** What the client hears when the store fails: `452 4.3.1` for want of room, else `451 4.3.0`; the cause is logged. */
  failureOf(message: IncomingMessage, session: string): Defer {
    return storeFailure(message.failure, this.#log, session);
  }

  async #commit(id: string, submission: Submission, kept: readonly Fated[]): Promise<void> {
    const now = this.#clock.now();
    const { parameters, origin, notes, expireAfter } = submission;
    const sender = editedSender(submission.edits, submission.sender);
    const edits = withoutForgedResults(submission, this.#rules);
    let head = receivedField({
      origin,
      tls: submission.tls,
      smtputf8: parameters.smtputf8 === true,
      hostname: this.#hostname,
      id,
      recipient:
        submission.recipients.length === 1
          ? (submission.recipients[0] as Recipient).address.toString()
          : undefined,
      date: this.#dates.at(now),
    });
    let body: MessageBody = submission.message.body;
    let { header } = submission.message;
    if (edits.length > 0) {
      for (const edit of edits) if (edit.kind === 'prepend') head = formatField(edit.name, edit.value) + head;
      head = authenticationResults(edits, this.#rules.authservId, parameters.smtputf8 === true) + head;
      if (edits.some(({ kind }) => DRAFTED.has(kind))) {
        header = editHeader(header, edits);
        body = await this.#redraft(submission, edits, header);
      }
    }
    try {
      const signers = edits.filter((edit) => edit.kind === 'sign');
      if (signers.length > 0) {
        const services = { clock: this.#clock, events: this.#events, session: origin.session };
        head = await signedHead({ head, header, body }, signers, services);
      }
      const record: MessageRecord = {
        id,
        sender: sender === null ? '' : sender.toString(),
        arrivedAt: now,
        size: Buffer.byteLength(head) + body.size,
        head,
        parameters,
        origin,
        notes: notes.toJSON(),
      };
      const about = { sender, notes, redirectedBy: [] };
      const { recipients } = submission;
      const priority = editedPriority(edits, submission.priority);
      await this.#desk.commit({ record, body, kept, recipients, about, expireAfter, priority });
    } catch (error) {
      body.discard();
      throw error;
    } finally {
      // An edited message was drafted anew: the octets as they came are not needed any more.
      if (body !== submission.message.body) submission.message.discard();
    }
  }

  /** The message with `replace`, `remove` and `rewrite` edits applied, in a draft of its own. */
  async #redraft(
    { message, parameters, origin }: Submission,
    edits: readonly Edit[],
    header: Uint8Array,
  ): Promise<MessageBody> {
    const services = { clock: this.#clock, events: this.#events, session: origin.session };
    const binary = parameters.body === 'BINARYMIME';
    const draft = this.#desk.draft();
    try {
      await draft.write(header);
      let content = skip(message.open(), message.header.length);
      for (const edit of edits)
        if (edit.kind === 'rewrite') content = rewritten(content, edit, binary, services);
      for await (const bytes of content) await draft.write(bytes);
      return await draft.finish();
    } catch (error) {
      draft.discard();
      throw error;
    }
  }

  #announceDropped({ origin, sender }: Submission, fates: readonly Fated[]): void {
    for (const { recipient, fate } of fates) {
      if (fate.kind !== 'drop') continue;
      this.#events.emit('message-discarded', {
        session: origin.session,
        sender: sender === null ? '' : sender.toString(),
        recipients: [recipient.address.toString()],
        plugin: fate.plugin,
        reason: fate.reason,
      });
    }
  }
}

/** Edits for which the message is drafted anew; the others only put something on top. */
const DRAFTED: ReadonlySet<Edit['kind']> = new Set(['replace', 'remove', 'rewrite']);

const isKept = ({ fate }: Fated): boolean => fate.kind !== 'drop' && fate.kind !== 'refuse';

/** @param gone how many of them are not kept */
function answerTo(id: string, fates: readonly Fated[], gone: number): SubmissionAnswer {
  const accept = accepted(id);
  if (gone === 0 || !fates.some(({ fate }) => fate.kind === 'refuse')) return accept;
  return {
    kind: 'each',
    answers: fates.map(({ fate }) => (fate.kind === 'refuse' ? fate.verdict : accept)),
  };
}

function accepted(id: string): Accept & { readonly text: string } {
  return { kind: 'accept', text: `Queued as ${id}` };
}

function storeFailure(error: unknown, log: Logger, session: string): Defer {
  log.error({ session, error: error instanceof Error ? error.message : String(error) }, 'message not stored');
  return PosthouseError.is(error, 'store-full')
    ? Verdict.defer('4.3.1', 'Insufficient system storage', { code: 452, reason: 'store-full' })
    : Verdict.defer('4.3.0', 'The message could not be stored, please try again later', {
        reason: 'store-failed',
      });
}
