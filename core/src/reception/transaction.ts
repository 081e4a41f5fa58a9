// One mail transaction in the making: what MAIL, RCPT and DATA have brought together until it is submitted or reset.

import type { Recipient } from '../contract/index.ts';
import { EditList, type NoteBook } from '../hooks/index.ts';
import type { IncomingMessage } from '../intake/index.ts';
import type { Mailbox, MailParameters, ReversePath } from '../smtp/index.ts';

export class OpenTransaction {
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
  readonly notes: NoteBook;
  readonly startedAt: number;
  readonly recipients: Recipient[] = [];
  /** The recipients' addresses, for handlers. */
  readonly accepted: Mailbox[] = [];
  readonly edits = new EditList();
  message: IncomingMessage | undefined;
  /** The octets will not be wanted: the session refuses the message whatever still comes. */
  dropped = false;

  constructor(sender: ReversePath, parameters: MailParameters, notes: NoteBook, startedAt: number) {
    this.sender = sender;
    this.parameters = parameters;
    this.notes = notes;
    this.startedAt = startedAt;
  }

  discard(): void {
    this.message?.discard();
    this.message = undefined;
  }
}
