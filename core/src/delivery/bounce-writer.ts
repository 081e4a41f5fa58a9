// Brings a bounce into the queue's terms: decides whether there is anybody to tell, drafts its octets, routes it to the
// original's sender, and gives back the new message for the change that ends the failed recipients.

import type {
  Clock,
  DeliverySettings,
  EventSink,
  Identifiers,
  MessageBody,
  MessageDraft,
  MessageRecord,
  NewMessage,
  QueueStore,
} from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import { mailbox, mailDate } from '../smtp/index.ts';
import type { Pending } from './agenda.ts';
import { bounceFor, type ReturnedOriginal } from './bounce.ts';
import { expiryOf } from './retry.ts';
import type { FailedRecipient } from './settlement.ts';
import { notesOf, QueuedMessage } from './stored-message.ts';

/** Octets of the original's header section that a bounce returns at most. */
const RETURNED_HEADER = 65_536;
/** The largest message that RET=FULL brings back whole. */
const RETURNED_MESSAGE = 131_072;

export interface BounceServices {
  readonly store: QueueStore;
  readonly routing: Pick<Routing, 'route'>;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly events: EventSink;
  readonly settings: DeliverySettings;
  readonly hostname: string;
}

export interface WrittenBounce {
  readonly put: NewMessage;
  /** Announces it; for after the commit. */
  readonly announce: () => void;
}

export class BounceWriter {
  readonly #services: BounceServices;

  constructor(services: BounceServices) {
    this.#services = services;
  }

  /**
   * Drafts the bounce; whoever gets it commits it or discards its body. undefined: nobody is to be told.
   * Rejects when the store has no room for it.
   */
  async write(
    { message, body }: Pending,
    failed: readonly FailedRecipient[],
  ): Promise<WrittenBounce | undefined> {
    const { store, events } = this.#services;
    // RFC 3461 §4.1: without NOTIFY, failures are told.
    const told = failed.filter(({ recipient }) => recipient.parameters?.notify?.includes('FAILURE') ?? true);
    // RFC 5321 §6.1: never a bounce for the null reverse-path, or mail would answer itself for ever.
    if (message.sender === '') {
      const recipients = failed.map(({ recipient }) => recipient.address);
      const text = failed.map(({ outcome }) => `${outcome.status} ${outcome.text}`)[0] ?? '';
      events.emit('notice-dropped', { message: message.id, recipients, text });
    }
    if (message.sender === '' || told.length === 0) return undefined;
    const returned = await returnedOriginal(message, new QueuedMessage(message, body, store));
    const draft = store.draft();
    try {
      return await this.#bounce(message, told, returned, draft);
    } catch (error) {
      draft.discard();
      throw error;
    }
  }

  async #bounce(
    original: MessageRecord,
    told: readonly FailedRecipient[],
    returned: ReturnedOriginal,
    draft: MessageDraft,
  ): Promise<WrittenBounce> {
    const { clock, identifiers, events, hostname } = this.#services;
    const now = clock.now();
    const id = identifiers.next();
    const { content, eightBit, smtputf8 } = bounceFor({
      original,
      returned,
      failed: told,
      hostname,
      id,
      now: mailDate(now),
      arrived: mailDate(original.arrivedAt),
    });
    await draft.write(content);
    const message: MessageRecord = {
      id,
      sender: '',
      arrivedAt: now,
      size: content.length,
      head: '',
      parameters: { ...(eightBit && { body: '8BITMIME' }), ...(smtputf8 && { smtputf8 }) },
      origin: { session: 'bounce' },
      notes: {},
    };
    const put = await this.#addressed(message, original.sender, await draft.finish());
    const recipients = told.map(({ recipient }) => recipient.address);
    const announce = (): void =>
      events.emit('bounce-queued', { message: id, about: original.id, to: original.sender, recipients });
    return { put, announce };
  }

  async #addressed(message: MessageRecord, to: string, body: MessageBody): Promise<NewMessage> {
    const { routing, identifiers, settings } = this.#services;
    const { transport, destination } = await routing.route(mailbox(to), {
      sender: null,
      notes: notesOf(message),
      redirectedBy: [],
    });
    const item = {
      id: identifiers.next(),
      message: message.id,
      transport,
      destination,
      recipients: [{ address: to }],
      state: 'waiting',
      reason: transport === null ? ({ kind: 'no-route' } as const) : ({ kind: 'fresh' } as const),
      attempts: 0,
      due: message.arrivedAt,
      expires: expiryOf(message.arrivedAt, settings),
    } as const;
    return { message, body, items: [item], leaseUntil: undefined };
  }
}

/** As RET asks (RFC 3461 §4.3), within bounds. Of an original that cannot be read any more, what the record has. */
async function returnedOriginal(record: MessageRecord, message: QueuedMessage): Promise<ReturnedOriginal> {
  // RFC 3030 §3: what is binary cannot be quoted in a message of lines.
  const whole =
    record.parameters.body !== 'BINARYMIME' &&
    record.parameters.ret === 'FULL' &&
    record.size <= RETURNED_MESSAGE;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of message.open()) {
      chunks.push(chunk);
      length += chunk.length;
      if (!whole && length > RETURNED_HEADER) break;
    }
  } catch {
    return { kind: 'headers', octets: Buffer.from(record.head, 'utf8') };
  }
  const octets = Buffer.concat(chunks);
  return whole ? { kind: 'message', octets } : { kind: 'headers', octets: headerOf(octets) };
}

/** The header section with the end of its last line, cut at the end of a line where it is too long. */
function headerOf(octets: Buffer): Uint8Array {
  if (octets[0] === 13 && octets[1] === 10) return octets.subarray(0, 0);
  const end = octets.indexOf('\r\n\r\n', 0, 'latin1');
  if (end !== -1 && end + 2 <= RETURNED_HEADER) return octets.subarray(0, end + 2);
  if (octets.length <= RETURNED_HEADER && end === -1) return octets;
  const cut = octets.lastIndexOf('\r\n', RETURNED_HEADER - 2, 'latin1');
  return octets.subarray(0, cut === -1 ? 0 : cut + 2);
}
