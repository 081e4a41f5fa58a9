// The dialogue of a rehearsal, command by command: what the client says, who was asked about it, what it hears.

import { DotEncoder, encodeBase64, type Mailbox, type Reply, type ReversePath } from '../../smtp/index.ts';
import type { Call, CallRecorder } from './call-recorder.ts';
import type { RehearsalClient } from './client.ts';

/** What is rehearsed: one message, from one client. */
export interface RehearsedMail {
  readonly helo: string;
  /** Logged in as; undefined: a stranger. */
  readonly user: string | undefined;
  readonly startTls: boolean;
  readonly lmtp: boolean;
  readonly sender: ReversePath;
  readonly recipients: readonly Mailbox[];
  /** As it is on the wire, before the dots are doubled. */
  readonly message: Uint8Array;
}

/** One thing that the client said, and what came of it. */
export interface Step {
  /** null: the client has only connected. */
  readonly said: string | null;
  readonly calls: readonly Call[];
  /** One; more where LMTP answers each recipient; none where the server hung up without a word. */
  readonly replies: readonly Reply[];
}

export interface Dialogue {
  readonly steps: readonly Step[];
  /** The reply that decided about each recipient. */
  readonly decided: ReadonlyMap<Mailbox, Reply>;
}

/** Holds the dialogue until the message is answered, or cannot be handed in any more. */
export async function holdRehearsal(
  client: RehearsalClient,
  recorder: CallRecorder,
  mail: RehearsedMail,
): Promise<Dialogue> {
  const rehearsal = new Conversation(client, recorder, mail);
  await rehearsal.hold();
  return rehearsal;
}

class Conversation implements Dialogue {
  readonly steps: Step[] = [];
  readonly decided = new Map<Mailbox, Reply>();
  readonly #client: RehearsalClient;
  readonly #recorder: CallRecorder;
  readonly #mail: RehearsedMail;
  #offered: ReadonlySet<string> = new Set();

  constructor(client: RehearsalClient, recorder: CallRecorder, mail: RehearsedMail) {
    this.#client = client;
    this.#recorder = recorder;
    this.#mail = mail;
  }

  async hold(): Promise<void> {
    const { sender, recipients, startTls, user } = this.#mail;
    if (!(await this.#goes(null)) || !(await this.#greets())) return;
    if (startTls) {
      if (!(await this.#goes('STARTTLS'))) return;
      await this.#client.secure();
      if (!(await this.#greets())) return;
    }
    if (user !== undefined && !(await this.#logsIn(user))) return;
    const path = sender === null ? '<>' : `<${sender}>`;
    if (!(await this.#goes(`MAIL FROM:${path}${this.#parameters()}`, recipients))) return;
    const accepted: Mailbox[] = [];
    for (const recipient of recipients)
      if (await this.#goes(`RCPT TO:<${recipient}>`, [recipient])) accepted.push(recipient);
    if (accepted.length > 0 && (await this.#goes('DATA', accepted))) await this.#handsIn(accepted);
  }

  async #greets(): Promise<boolean> {
    const reply = await this.#ask(`${this.#mail.lmtp ? 'LHLO' : 'EHLO'} ${this.#mail.helo}`);
    const keywords = reply?.lines.slice(1).map((line) => line.split(' ', 1)[0]?.toUpperCase() ?? '') ?? [];
    this.#offered = new Set(keywords);
    return this.#isGood(reply, this.#mail.recipients);
  }

  /** With any password: in a rehearsal the server takes the client's word for who it is. */
  #logsIn(user: string): Promise<boolean> {
    const response = encodeBase64(Buffer.from(`\0${user}\0rehearsal`));
    return this.#goes(`AUTH PLAIN ${response}`, this.#mail.recipients, `AUTH PLAIN (as ${user})`);
  }

  #parameters(): string {
    const { sender, recipients, message } = this.#mail;
    const beyondAscii = [sender, ...recipients].some(
      (each) => each !== null && /[^ -~]/.test(each.toString()),
    );
    const words = [
      this.#offered.has('SIZE') ? `SIZE=${message.length}` : '',
      this.#offered.has('8BITMIME') && message.some((octet) => octet > 127) ? 'BODY=8BITMIME' : '',
      this.#offered.has('SMTPUTF8') && beyondAscii ? 'SMTPUTF8' : '',
    ];
    return words.map((word) => word && ` ${word}`).join('');
  }

  async #handsIn(accepted: readonly Mailbox[]): Promise<void> {
    const { message, lmtp } = this.#mail;
    const encoder = new DotEncoder();
    this.#client.say(encoder.encode(message));
    this.#client.say(encoder.finish());
    const replies: Reply[] = [];
    for (const recipient of accepted) {
      const reply = lmtp || replies.length === 0 ? await this.#client.reply() : replies[0];
      if (reply === undefined) break;
      if (lmtp || replies.length === 0) replies.push(reply);
      this.decided.set(recipient, reply);
    }
    this.steps.push({
      said: `(the message, ${message.length} octets)`,
      calls: this.#recorder.take(),
      replies,
    });
  }

  /** @param about whose mail a refusal ends @param shown in place of the command */
  async #goes(
    command: string | null,
    about: readonly Mailbox[] = this.#mail.recipients,
    shown?: string,
  ): Promise<boolean> {
    return this.#isGood(await this.#ask(command, shown), about);
  }

  async #ask(command: string | null, shown = command): Promise<Reply | undefined> {
    if (command !== null) this.#client.say(`${command}\r\n`);
    const reply = await this.#client.reply();
    this.steps.push({
      said: shown,
      calls: this.#recorder.take(),
      replies: reply === undefined ? [] : [reply],
    });
    return reply;
  }

  #isGood(reply: Reply | undefined, about: readonly Mailbox[]): boolean {
    if (reply !== undefined && reply.code < 400) return true;
    if (reply !== undefined) for (const recipient of about) this.decided.set(recipient, reply);
    return false;
  }
}
