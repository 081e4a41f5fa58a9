// A message as milters see it one after another: its fields and body with the changes of those before, and at the end the
// edits that come of all changes. Octets that nobody changes are passed on as they are.

import type { DataAsked, Mailbox, MessageEdits, ReceivedMessage } from '@posthouse/core';
import { parseMailbox } from '@posthouse/core';
import type { Change } from './answer.ts';
import { CHUNK, Nonsense } from './protocol.ts';

interface Field {
  readonly name: string;
  /** As milters read it: octets as latin1, lines that continue it after LF, white space behind the colon included. */
  octets: string;
  /** The how manieth of its name it is in the message; 0: a milter has put it in. */
  readonly occurrence: number;
  gone: boolean;
  /** What a milter made of it. */
  value: string | undefined;
}

export class MilterMessage {
  readonly #asked: DataAsked;
  /** The octets of the header section, the empty line included. */
  readonly #headerLength: number;
  readonly #original: readonly Field[];
  /** Fields put in by milters. They stand on top, as trace fields do, the first one uppermost. */
  readonly #top: Field[] = [];
  #body: readonly Buffer[] | undefined;
  readonly #added = new Map<string, Mailbox>();
  readonly #deleted = new Set<Mailbox>();
  #sender: { readonly now: Mailbox | null } | undefined;

  private constructor(asked: DataAsked, header: string, length: number) {
    this.#asked = asked;
    this.#headerLength = length;
    this.#original = fieldsOf(header);
  }

  static async read(asked: DataAsked): Promise<MilterMessage> {
    const { header, length } = await headerOf(asked.message);
    return new MilterMessage(asked, header, length);
  }

  /** @param leadingSpace the milter wants to see the white space behind the colon */
  *fields(leadingSpace: boolean): Iterable<{ readonly name: string; readonly octets: string }> {
    for (const { name, octets } of this.#visible())
      yield { name, octets: leadingSpace ? octets : octets.replace(/^[ \t]/, '') };
  }

  /** The body, in the largest pieces that the protocol allows. */
  async *body(): AsyncIterable<Buffer> {
    let pieces: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of this.#body ?? this.#originalBody()) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + CHUNK - size);
        pieces.push(piece);
        size += piece.length;
        at += piece.length;
        if (size < CHUNK) continue;
        yield Buffer.concat(pieces);
        pieces = [];
        size = 0;
      }
    }
    if (size > 0) yield Buffer.concat(pieces);
  }

  /** The recipients that milters have taken off. */
  get deleted(): ReadonlySet<Mailbox> {
    return this.#deleted;
  }

  /** What one milter wants changed, all of it or, where it throws Nonsense, nothing. */
  apply(changes: readonly Change[]): void {
    const addresses = changes.map((change) => ('address' in change ? this.#mailbox(change) : null));
    const before = this.#visible();
    const body: Buffer[] = [];
    changes.forEach((change, index) => {
      switch (change.kind) {
        case 'add-header':
          this.#top.push(put(change.name, change.value));
          break;
        case 'insert-header':
          // Index 1 is that of the field behind the topmost, which is our own Received.
          this.#top.splice(Math.max(0, change.index - 1), 0, put(change.name, change.value));
          break;
        case 'change-header':
          this.#changeHeader(before, change);
          break;
        case 'replace-body':
          body.push(change.octets);
          break;
        case 'change-sender':
          this.#sender = { now: addresses[index] ?? null };
          break;
        case 'add-recipient':
          this.#add(addresses[index] as Mailbox);
          break;
        case 'delete-recipient':
          this.#delete(addresses[index] as Mailbox);
      }
    });
    if (body.length > 0) this.#body = body;
  }

  /** Asks the core for what the message has become. */
  edit(edits: MessageEdits): void {
    for (const name of new Set(this.#original.filter(({ gone }) => gone).map((each) => lower(each.name)))) {
      const gone = this.#original.map((each) => (lower(each.name) === name ? each : undefined));
      const flags = gone.filter((each) => each !== undefined).map((each) => each.gone);
      let seen = 0;
      edits.removeHeader(name, () => flags[seen++] === true);
    }
    for (const { name, value, gone } of this.#original)
      if (value !== undefined && !gone) edits.replaceHeader(name, value);
    // What is put on top last stands uppermost.
    for (const { name, value, gone } of this.#top.toReversed())
      if (!gone) edits.prependHeader(name, value as string);
    const body = this.#body;
    if (body !== undefined)
      edits.rewriteBody(async function* () {
        yield* body;
      });
    for (const recipient of this.#added.values()) edits.addRecipient(recipient);
    if (this.#sender !== undefined) edits.changeSender(this.#sender.now);
  }

  #changeHeader(before: readonly Field[], change: Change & { readonly kind: 'change-header' }): void {
    const { name, value } = change;
    const field = before.filter((each) => lower(each.name) === lower(name))[Math.max(1, change.index) - 1];
    if (value === '') {
      if (field !== undefined) field.gone = true;
      return;
    }
    const alone =
      field !== undefined &&
      (field.occurrence === 0 || !this.#original.some((each) => each !== field && sameName(each, field)));
    if (field !== undefined && alone) {
      field.value = value;
      field.octets = octetsOf(value);
      return;
    }
    // One of several cannot be replaced at its place: the old one goes, and the new one stands on top.
    if (field !== undefined) field.gone = true;
    this.#top.push(put(name, value));
  }

  #add(recipient: Mailbox): void {
    for (const deleted of this.#deleted) if (deleted.equals(recipient)) this.#deleted.delete(deleted);
    if (this.#asked.recipients.some((each) => each.equals(recipient))) return;
    this.#added.set(recipient.toString(), recipient);
  }

  #delete(recipient: Mailbox): void {
    this.#added.delete(recipient.toString());
    for (const each of this.#asked.recipients) if (each.equals(recipient)) this.#deleted.add(each);
  }

  #mailbox({ kind, address }: Change & { readonly address: string }): Mailbox | null {
    if (kind === 'change-sender' && address === '') return null;
    const found = parseMailbox(address, { smtputf8: this.#asked.parameters.smtputf8 === true });
    if (found === undefined) throw new Nonsense(`no address: ${JSON.stringify(address.slice(0, 300))}`);
    return found;
  }

  #visible(): readonly Field[] {
    return [...this.#top, ...this.#original].filter(({ gone }) => !gone);
  }

  async *#originalBody(): AsyncIterable<Uint8Array> {
    let skip = this.#headerLength;
    for await (const bytes of this.#asked.message.open()) {
      if (skip < bytes.length) yield bytes.subarray(skip);
      skip = Math.max(0, skip - bytes.length);
    }
  }
}

function put(name: string, value: string): Field {
  return { name, octets: octetsOf(value), occurrence: 0, gone: false, value };
}

function octetsOf(value: string): string {
  return ` ${Buffer.from(value, 'utf8').toString('latin1').replace(/\r\n/g, '\n')}`;
}

function sameName(a: Field, b: Field): boolean {
  return lower(a.name) === lower(b.name);
}

function lower(name: string): string {
  return name.toLowerCase();
}

/** The header section with the CRLF of its last field, and where the body begins. */
async function headerOf(message: ReceivedMessage): Promise<{ header: string; length: number }> {
  let text = '';
  for await (const bytes of message.open()) {
    const from = Math.max(0, text.length - 3);
    text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    if (text.startsWith('\r\n')) return { header: '', length: 2 };
    const end = text.indexOf('\r\n\r\n', from);
    if (end !== -1) return { header: text.slice(0, end + 2), length: end + 4 };
  }
  return { header: text, length: text.length };
}

/** Lines that are no field are told to nobody, and stay in the message. */
function fieldsOf(header: string): readonly Field[] {
  const counts = new Map<string, number>();
  return header.split(/\r?\n(?![ \t])/).flatMap((text) => {
    const colon = text.indexOf(':');
    const name = colon === -1 ? '' : text.slice(0, colon).trimEnd();
    if (name === '') return [];
    const occurrence = (counts.get(lower(name)) ?? 0) + 1;
    counts.set(lower(name), occurrence);
    const octets = text.slice(colon + 1).replace(/\r\n/g, '\n');
    return { name, octets, occurrence, gone: false, value: undefined };
  });
}
