// Mailer: mail that plugins write goes the way of all mail, from a draft through the signers to the durable commit.
// Not for: notices, which are part of the change that brings their news about (delivery/notice-writer.ts).

import {
  type Clock,
  type Identifiers,
  type Limits,
  type Mailer,
  type OwnMail,
  type OwnMailSigner,
  PosthouseError,
  type Recipient,
  Verdict,
} from '../contract/index.ts';
import { type EditAuthor, NoteBook, type SignEdit } from '../hooks/index.ts';
import { mailDate, parseMailbox, type ReversePath } from '../smtp/index.ts';
import type { Intake } from './intake.ts';
import { needsOf, ownMailOctets, refused } from './own-mail.ts';

/** What the house has at the moment. */
export interface OutboxParts {
  readonly intake: Pick<Intake, 'begin' | 'submit'>;
  readonly limits: Pick<Limits, 'messageSize' | 'recipients' | 'ownMessagesPerHour'>;
  /** In plugin order. */
  readonly signers: readonly { readonly sign: OwnMailSigner; readonly author: EditAuthor }[];
}

export interface OutboxServices {
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly hostname: string;
}

const HOUR = 3_600_000;

/** Lives as long as the server; what it is made of changes with the house. */
export class Outbox {
  readonly #services: OutboxServices;
  #parts: OutboxParts | undefined;
  /** By plugin: the messages since the beginning of an hour. */
  readonly #sent = new Map<string, { since: number; count: number }>();

  constructor(services: OutboxServices) {
    this.#services = services;
  }

  /** From now on mail goes by these. */
  use(parts: OutboxParts): void {
    this.#parts = parts;
  }

  /** The service as one plugin has it. */
  of(plugin: string): Mailer {
    return { send: (mail) => this.#send(plugin, mail) };
  }

  async #send(plugin: string, mail: OwnMail): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) throw refused('the server is not ready');
    const { clock, identifiers, hostname } = this.#services;
    const { sender, recipients } = addressesOf(mail, parts.limits);
    const id = identifiers.next();
    const octets = ownMailOctets(mail.content, { id, hostname, date: mailDate(clock.now()) });
    if (octets.length > parts.limits.messageSize)
      throw refused(`it has more octets than limits.messageSize (${parts.limits.messageSize})`);
    this.#count(plugin, parts.limits.ownMessagesPerHour);
    const { smtputf8, eightBit } = needsOf(octets);
    const message = parts.intake.begin();
    await message.write(octets);
    await message.finish();
    const failure = message.refusal?.text ?? (message.failure as Error | undefined)?.message;
    if (failure !== undefined) {
      message.discard();
      throw message.refusal === undefined ? notKept(failure) : refused(failure);
    }
    const isUtf8 = smtputf8 || [mail.sender, ...mail.recipients].some((address) => /[^ -~]/.test(address));
    const answer = await parts.intake.submit({
      message,
      sender,
      parameters: { ...(eightBit && { body: '8BITMIME' }), ...(isUtf8 && { smtputf8: true }) },
      recipients,
      origin: { session: id, plugin },
      tls: undefined,
      notes: new NoteBook(),
      ruling: { verdict: Verdict.accept(), plugin },
      perRecipient: undefined,
      answersEach: false,
      edits: signEdits(parts, mail),
      ...(mail.expireAfter !== undefined && { expireAfter: mail.expireAfter }),
    });
    if (answer.kind !== 'accept') throw notKept('text' in answer ? answer.text : answer.kind);
  }

  /** A plugin that answers what it sends ends here. */
  #count(plugin: string, most: number): void {
    const now = this.#services.clock.now();
    const sent = this.#sent.get(plugin);
    if (sent === undefined || now - sent.since >= HOUR) this.#sent.set(plugin, { since: now, count: 1 });
    else if (sent.count >= most)
      throw refused(`${plugin} has sent ${most} within an hour (limits.ownMessagesPerHour)`);
    else sent.count += 1;
  }
}

function signEdits({ signers }: OutboxParts, mail: OwnMail): readonly SignEdit[] {
  return signers.flatMap(({ sign, author }) => {
    const signer = sign(mail);
    return signer === undefined ? [] : [{ kind: 'sign', signer, author } as const];
  });
}

function addressesOf(
  mail: Pick<OwnMail, 'sender' | 'recipients'>,
  limits: Pick<Limits, 'recipients'>,
): { readonly sender: ReversePath; readonly recipients: readonly Recipient[] } {
  const sender = mail.sender === '' ? null : parseMailbox(mail.sender);
  if (sender === undefined) throw refused(`its sender ${JSON.stringify(mail.sender)} is not a mail address`);
  if (mail.recipients.length === 0 || mail.recipients.length > limits.recipients)
    throw refused(`it has ${mail.recipients.length} recipients, 1 to ${limits.recipients} are allowed`);
  const recipients = mail.recipients.map((written): Recipient => {
    const address = parseMailbox(written);
    if (address === undefined)
      throw refused(`its recipient ${JSON.stringify(written)} is not a mail address`);
    return { address, parameters: {} };
  });
  return { sender, recipients };
}

function notKept(text: string): PosthouseError {
  return new PosthouseError('store-failed', `the message was not kept: ${text}`);
}
