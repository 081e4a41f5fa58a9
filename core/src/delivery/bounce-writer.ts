// Brings a bounce into the queue's terms: drafts its octets, routes it to the original's sender, and gives back the
// new message for the same atomic change that ends the failed recipients.

import type {
  Clock,
  DeliverySettings,
  EventSink,
  Identifiers,
  MessageBody,
  NewMessage,
  QueueStore,
} from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import { mailbox, mailDate } from '../smtp/index.ts';
import type { Pending } from './agenda.ts';
import { bounceFor, RETURNED_HEADER } from './bounce.ts';
import type { FailedRecipient } from './settlement.ts';
import { notesOf } from './stored-message.ts';

export interface BounceServices {
  readonly store: QueueStore;
  readonly routing: Routing;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly events: EventSink;
  readonly settings: DeliverySettings;
  readonly hostname: string;
}

export class BounceWriter {
  readonly #services: BounceServices;

  constructor(services: BounceServices) {
    this.#services = services;
  }

  /**
   * The bounce, or undefined where nobody is to be told: the null sender (RFC 5321 §6.1: never a bounce of a bounce),
   * or NOTIFY without FAILURE (RFC 3461 §4.1).
   */
  async write({ message, body }: Pending, failed: readonly FailedRecipient[]): Promise<NewMessage | undefined> {
    const { store, clock, identifiers, events, settings, hostname } = this.#services;
    const told = failed.filter(({ recipient }) => recipient.parameters?.notify?.includes('FAILURE') ?? true);
    if (message.sender === '' || told.length === 0) {
      events.emit('notice-dropped', {
        message: message.id,
        recipients: failed.map(({ recipient }) => recipient.address),
        text: message.sender === '' ? 'a message with the null sender is never bounced' : 'the sender asked for no notice',
      });
      return undefined;
    }
    const now = clock.now();
    const id = identifiers.next();
    const header = `${Buffer.from(message.head, 'utf8').toString('latin1')}${await this.#header(message.id, body)}`;
    const { content, smtputf8 } = bounceFor({
      original: message,
      header,
      failed: told,
      hostname,
      id,
      now: mailDate(now),
      arrived: mailDate(message.arrivedAt),
    });
    const draft = store.draft();
    await draft.write(content);
    const bounce = await draft.finish();
    const route = await this.#services.routing.route(mailbox(message.sender), {
      sender: null,
      notes: notesOf({ ...message, notes: {} }),
      redirectedBy: [],
    });
    const recipients = told.map(({ recipient }) => recipient.address);
    events.emit('bounce-queued', { message: id, about: message.id, to: message.sender, recipients });
    return {
      message: {
        id,
        sender: '',
        arrivedAt: now,
        size: content.length,
        head: '',
        parameters: { body: '8BITMIME', ...(smtputf8 && { smtputf8: true }) },
        origin: { session: 'bounce' },
        notes: {},
      },
      body: bounce,
      items: [
        {
          id: identifiers.next(),
          message: id,
          ...route,
          recipients: [{ address: message.sender }],
          state: 'waiting',
          reason: route.transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
          attempts: 0,
          due: now,
          expires: now + settings.expireAfter,
        },
      ],
      leaseUntil: undefined,
    };
  }

  /** The original's own header section, bounded, as latin1. Whatever cannot be read any more is left out. */
  async #header(message: string, body: MessageBody | undefined): Promise<string> {
    let header = '';
    try {
      for await (const bytes of body === undefined ? this.#services.store.body(message) : body.open()) {
        header += Buffer.from(bytes).toString('latin1');
        const end = header.startsWith('\r\n') ? 0 : header.indexOf('\r\n\r\n') + 2;
        if (end !== 1) return header.slice(0, end);
        if (header.length > RETURNED_HEADER) return header.slice(0, header.lastIndexOf('\r\n', RETURNED_HEADER) + 2);
      }
    } catch {
      return '';
    }
    return header.slice(0, RETURNED_HEADER);
  }
}
