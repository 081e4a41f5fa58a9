// Events: facts in the past tense, plain data, which cannot answer. One log line each (server/observers.ts),
// with the same field names. An observer's throw is logged and goes no further.

import type { TlsFacts } from './asked.ts';
import type { BounceClass } from './bounce-class.ts';
import type { Exchange } from './delivery.ts';
import type { SessionHook } from './hooks.ts';
import type { Outcome } from './outcome.ts';
import { type Token, token } from './token.ts';
import type { Verdict } from './verdict.ts';

export interface Events {
  'connection-opened': {
    session: string;
    listener: string;
    remoteAddress: string;
    remotePort: number;
    /** The address of the proxy that it came through. */
    proxy?: string;
  };
  'connection-closed': {
    session: string;
    listener: string;
    remoteAddress: string;
    why: string;
    milliseconds: number;
    messages: number;
  };
  /**
   * Connections over a limit, which got 421 at once, and those that had to come from a proxy and did not: one event a
   * second for each reason, however many they were.
   */
  'connections-refused': {
    listener: string;
    why:
      | 'too-many'
      | 'too-many-from-address'
      | 'too-many-from-network'
      | 'too-often'
      | 'not-a-proxy'
      | 'bad-proxy-header';
    count: number;
    /** Of the last of them. */
    remoteAddress: string;
    /** What was wrong with its PROXY header. */
    text?: string;
  };
  /** A trusted client speaks for another: XCLIENT makes that one the session's client, XFORWARD only tells of it. */
  'client-introduced': {
    session: string;
    by: 'XCLIENT' | 'XFORWARD';
    /** Who said so. */
    proxy: string;
    remoteAddress?: string;
    name?: string;
    helo?: string;
    ident?: string;
  };
  /** A TLS handshake is through: STARTTLS or implicit TLS. */
  'tls-established': { session: string } & TlsFacts;
  /** A TLS handshake was begun and came to nothing. */
  'tls-failed': { session: string; listener: string; remoteAddress: string; why: string };
  /** One for each handler that was asked and had an opinion, and one for the default where none had. */
  'verdict-given': {
    session: string;
    hook: SessionHook;
    /** null: the core's own default. */
    plugin: string | null;
    verdict: Verdict['kind'];
    reason?: string;
    status?: string;
    text?: string;
    /** false in mode `observe`: recorded, not applied. */
    applied: boolean;
    milliseconds: number;
    sender?: string;
    recipient?: string;
  };
  /** A handler threw, rejected, took too long or answered nonsense. */
  'handler-failed': {
    session?: string;
    item?: string;
    hook: SessionHook | 'on-deliver';
    plugin: string;
    problem: 'threw' | 'timed-out' | 'illegal-answer';
    error: string;
    milliseconds: number;
  };
  /** AUTH succeeded (235). */
  'authentication-succeeded': {
    session: string;
    listener: string;
    remoteAddress: string;
    mechanism: string;
    user: string;
    plugin: string;
    milliseconds: number;
  };
  /** AUTH failed: `user` is what the client wrote. */
  'authentication-failed': {
    session: string;
    listener: string;
    remoteAddress: string;
    mechanism: string;
    user: string;
    /** `unknown-user`, `wrong-password`, `unavailable`, `too-many-failures`, or in the plugin's own words. */
    reason: string;
    /** null: no plugin decided. */
    plugin: string | null;
    milliseconds: number;
  };
  /** An Authenticator threw, rejected, took too long or answered nonsense. */
  'authenticator-failed': {
    session: string;
    plugin: string;
    problem: 'threw' | 'timed-out' | 'illegal-answer';
    error: string;
    milliseconds: number;
  };
  /** A plugin has checked who a message is from, and what its author's policy asks for. Values may come from outside. */
  'message-authenticated': {
    session: string;
    remoteAddress: string;
    sender: string;
    spf: { result: string; domain: string; identity: 'mailfrom' | 'helo' };
    dkim: readonly { result: string; domain: string; selector: string; reason: string }[];
    arc: { result: string; sealers: readonly string[] };
    dmarc: {
      result: string;
      /** The domain of the From field, '' where there is no one such domain. */
      from: string;
      /** The record that counts, '' for none, and where it was published. */
      record: string;
      policyDomain: string;
      policy: 'none' | 'quarantine' | 'reject';
      spfAligned: boolean;
      dkimAligned: boolean;
    };
    /** What the policy comes to here, once the plugin's verdict is applied; and why it is not what the author asks for. */
    applied: 'none' | 'quarantine' | 'reject';
    override?: 'sampled_out' | 'trusted_forwarder' | 'local_policy';
  };
  /** A command was refused by the protocol or a limit, not by a plugin. */
  'command-refused': { session: string; code: number; status: string; text: string };
  /** Durable: the 250 is about to be sent. */
  'message-queued': {
    session: string;
    /** Which wrote it: no client has sent it. */
    plugin?: string;
    message: string;
    sender: string;
    recipients: readonly string[];
    size: number;
    held: boolean;
  };
  /** The message was accepted by verdict and kept nowhere. */
  'message-discarded': {
    session: string;
    sender: string;
    recipients: readonly string[];
    plugin: string;
    reason: string;
  };
  'attempt-started': {
    item: string;
    message: string;
    transport: string;
    destination: string;
    attempt: number;
  };
  'attempt-finished': {
    item: string;
    message: string;
    transport: string | null;
    destination: string;
    attempt: number;
    milliseconds: number;
    outcome: Outcome['kind'] | 'mixed';
    /** When the next attempt is due, if there will be one. */
    next?: number;
  };
  /** Nobody could be reached at a destination, so often in a row: its mail waits until then, unless it expires before. */
  'destination-rested': { transport: string | null; destination: string; failures: number; until: number };
  /** It has been reached again, after so many rests. */
  'destination-recovered': { transport: string | null; destination: string; failures: number };
  /** An operator has suspended a destination: its mail waits until it is resumed, or expires. */
  'destination-suspended': { transport: string | null; destination: string };
  'destination-resumed': { transport: string | null; destination: string };
  /**
   * An item that waited for nothing: no reason, or no time when the waiting ends. It is due now. There is a bug
   * somewhere, or somebody has written into the store.
   */
  'item-without-next-action': {
    item: string;
    message: string;
    transport: string | null;
    destination: string;
  };
  /** A walk through the queue is over, every fifteen minutes. Of its items none waits for nothing, or there is a bug. */
  'queue-swept': { items: number; withoutNextAction: number };
  /** A transport has spoken with a next hop, or tried to. */
  'exchange-finished': { item: string; message: string; transport: string } & Exchange;
  /** What became of TLS with a new connection to a next hop. */
  'tls-attempted': {
    transport: string;
    destination: string;
    /** Whose mail hosts they are; absent with a host that the operator has named. */
    domain?: string;
    /** By what the other side has published; absent where nothing was found, or looked for. */
    published?: PublishedTlsPolicy;
    /** Which wrote the message that the connection was made for: no client has sent it. */
    plugin?: string;
    host: string;
    address: string;
    port: number;
    /** Ours. */
    localAddress?: string;
    /** As in 'exchange-finished'. */
    policy?: string;
    /** `success`, or what was wrong, as RFC 8460 §4.3 calls it, whether mail went all the same or not. */
    result: string;
    text?: string;
  };
  'recipient-settled': {
    item: string;
    message: string;
    recipient: string;
    outcome: Outcome;
    attempt: number;
  };
  /** A delivery status notification is on its way to the sender `to` of the message `about`. */
  'notice-queued': {
    message: string;
    about: string;
    action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
    to: string;
    recipients: readonly string[];
  };
  /** A notice could not be delivered, or a message with the null sender failed: nobody is left to be told. */
  'notice-dropped': { message: string; recipients: readonly string[]; text: string };
  /** An operator has changed an item by hand; durable. */
  'queue-changed': {
    item: string;
    message: string;
    action: QueueAction;
    sender: string;
    recipients: readonly string[];
    /** With `rerouted`: where it goes now; null where the transports are asked anew. */
    transport?: string | null;
    destination?: string;
    /** With `bounced`: what the sender is told. */
    text?: string;
    /** With `dropped`: it was being delivered at that moment, and may arrive. */
    inDelivery?: true;
  };
  /** Nobody released the item in time: it is out of the queue, and nobody was told. */
  'quarantine-expired': {
    item: string;
    message: string;
    sender: string;
    recipients: readonly string[];
    plugin: string;
    text: string;
  };
  /** A bounce or a complaint about mail of ours has come in and was understood. Whatever it says is somebody's word. */
  'feedback-received': {
    /** In which it came. */
    session: string;
    kind: 'bounce' | 'complaint';
    /** Of a bounce, RFC 3464 §2.3.3: `failed`, `delayed`…; of a complaint its type, RFC 5965 §7.3: `abuse`… */
    action: string;
    /** Who did not get our mail, or complained of it. */
    recipient: string;
    /** The recipient is in a return address that only we can have written. */
    verified: boolean;
    class?: BounceClass;
    status?: string;
    text?: string;
    reporter?: string;
    /** The Message-ID of our message. */
    about?: string;
  };
  /** The store set an unreadable entry aside. */
  'entry-damaged': { entry: string; text: string };
  /** At the start, and again whenever their files have changed. */
  'certificates-loaded': {
    /** None is configured: the server made its own, which no client trusts. */
    selfSigned: boolean;
    certificates: readonly {
      source: string;
      names: readonly string[];
      expires: string;
      fingerprint: string;
    }[];
  };
  /** Changed certificates cannot be used: those that were loaded before stay in use. */
  'certificates-refused': { text: string };
  'certificate-expiring': { source: string; names: readonly string[]; expires: string; expired: boolean };
  /** A new configuration is in force for new sessions and attempts; those under way end with the one before. */
  'configuration-reloaded': {
    /** Plugins that were set up anew, that have gone or will go with their last session, and that stayed as they were. */
    started: readonly string[];
    leaving: readonly string[];
    kept: readonly string[];
    /** The listeners that were opened, and those that were closed. */
    opened: readonly string[];
    closed: readonly string[];
    milliseconds: number;
  };
  /** A new configuration was asked for and cannot be used: nothing has changed. */
  'configuration-refused': { text: string };
  /**
   * An error that nobody caught, most likely in a plugin: a promise was rejected and nobody waited for it (the server goes
   * on), or something threw outside of every handler (the process ends; of a worker `worker-died` tells).
   */
  'error-uncaught': { kind: 'rejection' | 'exception'; error: string; stack: string };
  /** A receiving worker has ended though nobody has ended it: its clients saw their connections closed. */
  'worker-died': {
    /** From 1; its successor has the same number. */
    worker: number;
    why: string;
    connections: number;
    /** Until its successor begins. */
    milliseconds: number;
  };
  /** The successor of a receiving worker listens. */
  'worker-replaced': { worker: number; milliseconds: number };
  'server-started': { hostname: string; listeners: readonly { name: string; host: string; port: number }[] };
  'server-draining': { connections: number; attempts: number; deadline: number };
  'server-stopped': { milliseconds: number };
}

/** What a domain has published of TLS with its mail hosts, in the words of RFC 8460 §4.4. */
export interface PublishedTlsPolicy {
  readonly type: 'sts' | 'tlsa';
  /** Of MTA-STS the domain, of DANE the name that the TLSA records are at. */
  readonly domain: string;
  /** The lines of the policy, or each TLSA record as zone files have it. Empty where it could not be had. */
  readonly strings: readonly string[];
  /** The patterns of its mail hosts; of MTA-STS alone. */
  readonly hosts: readonly string[];
}

/** What an operator can do with items of the queue. */
export type QueueAction = 'held' | 'released' | 'retried' | 'rerouted' | 'bounced' | 'dropped';

export type EventName = keyof Events;
export type Observers = { readonly [E in EventName]?: (event: Events[E]) => void };

/** Where the rooms announce events. */
export interface EventSink {
  /**
   * Whether anybody listens: building an event that nobody wants is work on the hot path.
   * @param quiet asks for the event where it tells that all is as usual: an accept, say
   */
  wants(event: EventName, quiet?: boolean): boolean;
  emit<E extends EventName>(event: E, facts: Events[E]): void;
}
export const EventSink: Token<EventSink> = token<EventSink>('EventSink');
