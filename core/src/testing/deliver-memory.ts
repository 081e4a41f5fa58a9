// A transport that keeps what it is given: the far end of a house in tests, and the smallest on-deliver there is.

import {
  type ConfiguredPlugin,
  type Delivery,
  definePlugin,
  Outcome,
  type Recipient,
} from '../contract/index.ts';

export interface DeliveredMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The octets as latin1, trace fields included. */
  readonly content: string;
}

export interface MemoryTransport extends ConfiguredPlugin {
  readonly messages: readonly DeliveredMessage[];
  /** Resolves when that many messages have been delivered in all. */
  delivered(count: number): Promise<readonly DeliveredMessage[]>;
}

export interface MemoryTransportOptions {
  /** The plugin's name. Default `deliver-memory`. */
  readonly name?: string;
  /** The destination of a recipient. Default: its domain. */
  readonly claim?: (recipient: Recipient['address']) => string | undefined;
  /** What a delivery answers instead of keeping the message. */
  readonly answer?: (delivery: Delivery) => Outcome | undefined;
}

export function deliverMemory(options: MemoryTransportOptions = {}): MemoryTransport {
  const messages: DeliveredMessage[] = [];
  const waiting: { count: number; resolve: (all: readonly DeliveredMessage[]) => void }[] = [];
  const configured = definePlugin({
    name: options.name ?? 'deliver-memory',
    setup: () => ({
      hooks: {
        'on-deliver': {
          claim: (recipient) => (options.claim ? options.claim(recipient) : recipient.domain),
          async deliver(delivery) {
            const answer = options.answer?.(delivery);
            if (answer !== undefined) return answer;
            messages.push({
              sender: delivery.sender === null ? '' : delivery.sender.toString(),
              recipients: delivery.recipients.map(({ address }) => address.toString()),
              content: await contentOf(delivery),
            });
            for (const wait of waiting) if (messages.length >= wait.count) wait.resolve(messages);
            return Outcome.delivered();
          },
        },
      },
    }),
  })();
  return {
    ...configured,
    messages,
    delivered: (count) =>
      messages.length >= count
        ? Promise.resolve(messages)
        : new Promise((resolve) => {
            waiting.push({ count, resolve });
          }),
  };
}

async function contentOf({ message }: Delivery): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message.open()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}
