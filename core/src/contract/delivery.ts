// on-deliver: a pair. `claim` names the destination of a recipient, `deliver` carries a message there.
// Grouping by destination, lanes, concurrency, back-off and retries are the core's, once for all transports.

import type { Mailbox, ReversePath } from '../smtp/index.ts';
import type { TlsFacts } from './asked.ts';
import type { Recipient, StoredMessage } from './message.ts';
import type { Notes } from './notes.ts';
import type { Outcome } from './outcome.ts';
import type { Logger } from './services.ts';

export type Awaitable<T> = T | Promise<T>;

/** Returning nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return, async or not, gives void
export type Nothing = undefined | void;

export interface DeliverHandler {
  /**
   * The destination to which this plugin would carry the recipient, or undefined when it is not its business.
   * The first claim in plugin order wins. Recipients with equal destinations travel together, so the string
   * names the next hop (`example.org`), not the mailbox, unless every mailbox is a destination of its own.
   */
  claim(recipient: Mailbox, about: ClaimContext): Awaitable<string | undefined>;
  /**
   * Carries the message to the recipients, which were all claimed for `delivery.destination`.
   * What it returns answers for every recipient not settled by itself; a throw or a time-out answers
   * "deferred"; returning nothing is right only when every recipient was settled.
   */
  deliver(delivery: Delivery): Awaitable<Outcome | Nothing>;
  /**
   * The destination that an operator's words for a next hop mean, in the spelling that `claim` would give it; undefined
   * when it is none. Without it `posthouse queue reroute` takes the words as they are.
   */
  readDestination?(words: string): string | undefined;
  /**
   * `deliver` sends and writes nothing, it only names outcomes: a redirection, say. `posthouse try` then calls it, to
   * follow a recipient to where it ends.
   */
  readonly sendsNothing?: true;
  /**
   * How many deliveries to one destination may run at a time at most. Default: the server's `delivery.laneConcurrency`;
   * a row of `delivery.destinations` goes before both.
   */
  readonly laneConcurrency?: number;
  /** Milliseconds for one `deliver`. Default: the server's `delivery.attemptTimeout`. */
  readonly timeout?: number;
}

export interface ClaimContext {
  readonly sender: ReversePath;
  readonly notes: Notes;
  /**
   * The plugins whose redirections led from the address of the envelope to this recipient, the first one first.
   * Empty for the address that the client named. A transport that expands fully leaves its own results alone.
   */
  readonly redirectedBy: readonly string[];
}

export interface Delivery {
  readonly id: string;
  readonly destination: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly sender: ReversePath;
  readonly recipients: readonly Recipient[];
  readonly message: StoredMessage;
  /** Messages after which a connection is to be closed, where `delivery.destinations` says so. */
  readonly messagesPerConnection?: number | undefined;
  /**
   * Known after `through`: how many connections may be open at a time to the hosts that it was told, and what all the
   * destinations are called that share them. One that is kept for another of them makes room for a new one. undefined:
   * nobody else has these hosts.
   */
  readonly shared?: SharedConnections | undefined;
  readonly log: Logger;
  /** Aborted when the time for the attempt is up or the server's drain deadline is over. */
  readonly signal: AbortSignal;
  /** Durable when it resolves: this recipient will not be attempted again, whatever happens to the process. */
  settle(recipient: Recipient, outcome: Outcome): Promise<void>;
  /**
   * Tells to which hosts the destination's mail goes, the best first, before one of them is asked: destinations with the
   * same hosts share their limits. false: these leave no room now. Then return at once: it was no attempt, whatever is
   * returned, and the item is delivered when there is room. For transports that look up hosts; others need not call it.
   */
  through(hosts: readonly string[]): boolean;
  /** Tells the trace of an exchange with a next hop. `exchange` is called where somebody listens, and at once. */
  report(exchange: () => Exchange): void;
}

/** What destinations with the same hosts may have of them together. */
export interface SharedConnections {
  readonly key: string;
  /** Open at a time, those that are kept for a next message included. */
  readonly connections: number;
}

/** What was said with one next hop, for people who ask why. */
export interface Exchange {
  readonly host: string;
  /** '' where it is a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** Over a connection that was open from an earlier message. */
  readonly reused: boolean;
  readonly tls?: Pick<TlsFacts, 'version' | 'cipher'>;
  /** What asked for TLS as it was, where it was not the configuration alone: `dane`, `mta-sts enforce`… */
  readonly policy?: string;
  /** Why the policy would have kept the message, were it not only tried. */
  readonly policyFault?: string;
  /** Why there was no connection. */
  readonly trouble?: string;
  /** What decided for the recipients: alike ones once, with their number. */
  readonly replies: readonly ExchangeReply[];
  readonly milliseconds: number;
}

export interface ExchangeReply {
  /** `MAIL`, `RCPT`, `DATA`, or `message` for the answer to the end of data. */
  readonly command: string;
  /** The next hop's words; null when it was lost before they came. */
  readonly reply: string | null;
  readonly recipients: number;
}
