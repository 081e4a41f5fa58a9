// Brings notices into the queue's terms: decides whether there is anybody to tell, drafts their octets, routes them to
// the original's sender, and gives back the new messages for the change that brings the news about.

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
import { ACTIONS, type Action, isWanted, type RecipientNews } from './news.ts';
import { noticeFor } from './notice.ts';
import type { NoticeTemplate } from './notice-template.ts';
import { expiryOf } from './retry.ts';
import { returnedOriginal } from './returned-original.ts';
import { notesOf, QueuedMessage } from './stored-message.ts';

export interface NoticeServices {
  readonly store: QueueStore;
  readonly routing: Pick<Routing, 'route'>;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  readonly events: EventSink;
  readonly settings: DeliverySettings;
  readonly templates: Readonly<Record<Action, NoticeTemplate>>;
  readonly hostname: string;
}

export interface WrittenNotice {
  readonly put: NewMessage;
  /** Announces it; for after the commit. */
  readonly announce: () => void;
}

export class NoticeWriter {
  readonly #services: NoticeServices;

  constructor(services: NoticeServices) {
    this.#services = services;
  }

  /**
   * Drafts a notice for each action of which the sender wants to hear; whoever gets them commits them or discards
   * their bodies. Rejects when the store has no room for them.
   * @param expires of the item that the news is about
   */
  async write(
    pending: Pending,
    news: readonly RecipientNews[],
    expires: number,
  ): Promise<readonly WrittenNotice[]> {
    // RFC 5321 §6.1: never a notice for the null reverse-path, or mail would answer itself for ever.
    if (pending.message.sender === '') {
      this.#nobodyToTell(pending.message, news);
      return [];
    }
    const notices: WrittenNotice[] = [];
    try {
      for (const action of ACTIONS) {
        const told = news.filter((each) => each.action === action && isWanted(each));
        if (told.length > 0) notices.push(await this.#draft(pending, action, told, expires));
      }
    } catch (error) {
      for (const { put } of notices) put.body.discard();
      throw error;
    }
    return notices;
  }

  #nobodyToTell({ id }: MessageRecord, news: readonly RecipientNews[]): void {
    const failed = news.filter(({ action }) => action === 'failed');
    const [first] = failed;
    if (first === undefined) return;
    const recipients = failed.map(({ recipient }) => recipient.address);
    const text = `${first.status} ${first.text}`;
    this.#services.events.emit('notice-dropped', { message: id, recipients, text });
  }

  async #draft(
    { message, body }: Pending,
    action: Action,
    told: readonly RecipientNews[],
    expires: number,
  ): Promise<WrittenNotice> {
    const { store } = this.#services;
    const original = new QueuedMessage(message, body, store);
    const returned = await returnedOriginal(message, original, action);
    const draft = store.draft();
    try {
      return await this.#notice(message, action, told, returned, expires, draft);
    } catch (error) {
      draft.discard();
      throw error;
    }
  }

  async #notice(
    original: MessageRecord,
    action: Action,
    told: readonly RecipientNews[],
    returned: Awaited<ReturnType<typeof returnedOriginal>>,
    expires: number,
    draft: MessageDraft,
  ): Promise<WrittenNotice> {
    const { clock, identifiers, events, hostname, templates } = this.#services;
    const now = clock.now();
    const id = identifiers.next();
    const { content, eightBit, smtputf8 } = noticeFor({
      original,
      returned,
      news: told,
      template: templates[action],
      hostname,
      id,
      now: mailDate(now),
      arrived: mailDate(original.arrivedAt),
      expires: mailDate(expires),
    });
    await draft.write(content);
    const message: MessageRecord = {
      id,
      sender: '',
      arrivedAt: now,
      size: content.length,
      head: '',
      parameters: {
        ...(eightBit && { body: '8BITMIME' }),
        ...(smtputf8 && { smtputf8 }),
        // RFC 8689 §5: what is told of a protected message is protected as well.
        ...(original.parameters.requiretls && { requiretls: true }),
      },
      origin: { session: 'bounce' },
      notes: {},
    };
    const put = await this.#addressed(message, original.sender, await draft.finish());
    const recipients = told.map(({ recipient }) => recipient.address);
    const announce = (): void =>
      events.emit('notice-queued', {
        message: id,
        about: original.id,
        action,
        to: original.sender,
        recipients,
      });
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
