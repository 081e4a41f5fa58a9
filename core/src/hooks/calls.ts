// What one handler is given for one call: the contract's views, made anew for each call, so that the logger names
// the right plugin and a signal ends with the call that it belongs to. Costly parts are made when first asked for.

import type {
  ConnectAsked,
  DataAsked,
  Logger,
  MailFromAsked,
  MessageEdits,
  RcptAsked,
  ReceivedMessage,
  SessionView,
  WritableNotes,
} from '../contract/index.ts';
import type { Mailbox, MailParameters, RcptParameters, ReversePath } from '../smtp/index.ts';

export class ConnectCall implements ConnectAsked {
  readonly session: SessionView;
  readonly notes: WritableNotes;
  readonly #pluginLog: Logger;
  #log: Logger | undefined;
  #controller: AbortController | undefined;

  constructor(session: SessionView, notes: WritableNotes, pluginLog: Logger) {
    this.session = session;
    this.notes = notes;
    this.#pluginLog = pluginLog;
  }

  get log(): Logger {
    this.#log ??= this.#pluginLog.child({ session: this.session.id });
    return this.#log;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** Tells the handler, if it asked for the signal, that nobody waits for its answer any more. */
  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }
}

export interface Transaction {
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
  readonly notes: WritableNotes;
}

export class MailFromCall extends ConnectCall implements MailFromAsked {
  readonly sender: ReversePath;
  readonly parameters: MailParameters;

  constructor(session: SessionView, transaction: Transaction, pluginLog: Logger) {
    super(session, transaction.notes, pluginLog);
    this.sender = transaction.sender;
    this.parameters = transaction.parameters;
  }
}

export class RcptCall extends MailFromCall implements RcptAsked {
  readonly recipient: Mailbox;
  readonly rcptParameters: RcptParameters;
  readonly accepted: readonly Mailbox[];
  readonly claimed: boolean;

  constructor(
    session: SessionView,
    transaction: Transaction,
    pluginLog: Logger,
    rcpt: {
      readonly recipient: Mailbox;
      readonly parameters: RcptParameters;
      readonly accepted: readonly Mailbox[];
    },
    claimed: boolean,
  ) {
    super(session, transaction, pluginLog);
    this.recipient = rcpt.recipient;
    this.rcptParameters = rcpt.parameters;
    this.accepted = rcpt.accepted;
    this.claimed = claimed;
  }
}

export class DataCall extends MailFromCall implements DataAsked {
  readonly recipients: readonly Mailbox[];
  readonly message: ReceivedMessage;
  readonly edits: MessageEdits;

  constructor(
    session: SessionView,
    transaction: Transaction,
    pluginLog: Logger,
    data: { readonly recipients: readonly Mailbox[]; readonly message: ReceivedMessage },
    edits: MessageEdits,
  ) {
    super(session, transaction, pluginLog);
    this.recipients = data.recipients;
    this.message = data.message;
    this.edits = edits;
  }
}
