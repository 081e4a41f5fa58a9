// One delivery over connections: over a kept one where there is one, else to the targets in their order, until every
// recipient has an outcome or there is no target left.

import {
  type Delivery,
  type Exchange,
  type ExchangeReply,
  type Logger,
  Outcome,
  type Recipient,
} from '../contract/index.ts';
import type { Mailbox, RecipientResult } from '../smtp/index.ts';
import type { Connection } from './connection.ts';
import { deferralOfRefusal, outcomeOfReply, wordsOfReply } from './outcome-of-reply.ts';
import { type OutgoingMessage, outgoingMessage } from './outgoing-message.ts';
import type { Pool } from './pool.ts';
import type { ConnectionSettings } from './settings.ts';
import { formatTarget, type Target } from './target.ts';
import type { Trouble } from './trouble.ts';

/** Best first; or the outcome for all recipients where there are none. */
export type Targets = { readonly targets: readonly Target[] } | { readonly outcome: Outcome };

export interface TransferServices {
  readonly settings: ConnectionSettings;
  readonly log: Logger;
  readonly pool: Pool;
  /** Told of every new connection, and of every target without one, for those who count what became of TLS. */
  readonly opened?: (target: Target, opened: Connection | Trouble) => void;
  /** Under which name connections are kept. Default: the delivery's destination. */
  readonly keptAs?: string;
  /** The recipient's address as the next hop is to hear it. Default: as it is in the queue. */
  readonly addressOf?: (recipient: Recipient) => Mailbox;
}

/**
 * What a transport's `deliver` returns. Connections are kept under the delivery's destination.
 * @param find asked only when no kept connection has carried everything
 */
export async function transfer(
  delivery: Delivery,
  services: TransferServices,
  find: () => Targets | Promise<Targets>,
): Promise<Outcome | undefined> {
  const { message } = delivery;
  const prepared = outgoingMessage(message);
  const outgoing = prepared instanceof Promise ? await prepared : prepared;
  if (outgoing.unsafe) {
    return Outcome.failed(
      '5.6.0',
      'the message has a NUL, or a CR or LF that is not part of a CRLF, and cannot go by DATA',
    );
  }
  const ledger = new Ledger(delivery.recipients);
  const kept = services.pool.take(services.keptAs ?? delivery.destination);
  if (kept !== undefined) {
    // What it leaves undone, dead as it may have been all along, is done anew.
    await carry(kept, delivery, outgoing, ledger, services);
  }
  if (ledger.open.length > 0) await tryTargets(delivery, outgoing, ledger, services, find);
  return ledger.conclude(delivery);
}

/**
 * Carries to whoever is open, and gives the connection back. True: the connection has carried all that one may, and
 * the next hop can be asked for the others on a new one.
 */
async function carry(
  connection: Connection,
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  services: TransferServices,
): Promise<boolean> {
  do await carryToSome(connection, delivery, outgoing, ledger, services);
  while (ledger.open.length > 0 && connection.isReady && !connection.isWorn && !delivery.signal.aborted);
  const more = ledger.open.length > 0 && connection.isReady;
  services.pool.give(services.keptAs ?? delivery.destination, connection);
  return more && !connection.unfit;
}

/** One transaction, with as many recipients as the next hop takes in one (RFC 9422 §4.2). */
async function carryToSome(
  connection: Connection,
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  { pool, addressOf }: TransferServices,
): Promise<void> {
  const { message } = delivery;
  const asked = ledger.open.slice(0, connection.offer?.rcptMax);
  const { target, messages } = connection;
  const started = pool.now();
  const envelope = {
    sender: delivery.sender,
    parameters: message.parameters,
    recipients:
      addressOf === undefined
        ? asked
        : asked.map((recipient) => ({ ...recipient, address: addressOf(recipient) })),
    size: message.size,
    eightBit: outgoing.eightBit,
    eightBitHeader: outgoing.eightBitHeader,
    withoutRequireTls: !demandsTls(delivery) || connection.isFinal,
  };
  const results = await connection.carry(envelope, message, outgoing, () => delivery.signal.aborted);
  ledger.enter(asked, results, connection);
  delivery.report(() => ({
    ...placeOf(target),
    reused: messages > 0,
    ...(connection.tls && { tls: connection.tls }),
    ...(target.trial && connection.tlsFault && { policyFault: connection.tlsFault.text }),
    replies: repliesOf(results),
    milliseconds: pool.now() - started,
  }));
}

async function tryTargets(
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  services: TransferServices,
  find: () => Targets | Promise<Targets>,
): Promise<void> {
  const { log, pool } = services;
  const { destination, signal } = delivery;
  const found = await find();
  if ('outcome' in found) return ledger.settleOpen(found.outcome);

  // RFC 7504 §3: a host that greets with 521 never takes mail.
  let neverMail = true;
  const left = [...found.targets];
  for (let target = left.shift(); target !== undefined; target = left.shift()) {
    const tried = target;
    const started = pool.now();
    const opened = target.unfit ?? (await openTo(target, services, signal));
    services.opened?.(target, opened);
    if ('kind' in opened) {
      delivery.report(() => ({
        ...placeOf(tried),
        reused: false,
        trouble: opened.reply === undefined ? opened.text : wordsOfReply(opened.reply),
        replies: [],
        milliseconds: pool.now() - started,
      }));
      log.debug({ target: formatTarget(target), trouble: opened.text }, 'next hop passed over');
      neverMail &&= opened.kind === 'refused' && opened.reply?.code === 521;
      if (opened.kind === 'login-failed')
        log.warn(
          { target: formatTarget(target), trouble: wordsOf(opened) },
          'could not log in at the next hop',
        );
      ledger.troubled(outcomeOfTrouble(opened, target, demandsTls(delivery)));
      if (opened.kind === 'aborted') return;
      continue;
    }
    neverMail = false;
    if (await carry(opened, delivery, outgoing, ledger, services)) left.unshift(target);
    if (ledger.open.length === 0 || signal.aborted) return;
  }
  if (neverMail) ledger.settleOpen(Outcome.failed('5.3.2', `no mail host of ${destination} takes mail`));
}

async function openTo(
  target: Target,
  { pool, settings }: TransferServices,
  signal: AbortSignal,
): Promise<Connection | Trouble> {
  const aborted = (): boolean => signal.aborted;
  const tls = target.tls ?? settings.tls;
  const opened = await pool.open(target, tls, aborted);
  // Opportunistic means that a broken TLS is no worse than none (RFC 7435 §3).
  if (tls === 'may' && 'kind' in opened && opened.kind === 'tls-failed') {
    const clear = await pool.open(target, 'none', aborted);
    if (!('kind' in clear))
      clear.tlsFault = { kind: opened.fault ?? 'validation-failure', text: opened.text };
    return clear;
  }
  return opened;
}

function wordsOf({ text, reply }: Trouble): string {
  return reply === undefined ? text : `${text}: ${wordsOfReply(reply)}`;
}

/** RFC 8689 §4.2.1. What tells of such a message is not lost where nobody can keep it so (§5). */
function demandsTls({ message, sender }: Delivery): boolean {
  return message.parameters.requiretls === true && sender !== null;
}

function outcomeOfTrouble(trouble: Trouble, target: Target, demanded: boolean): Outcome {
  const { kind, text, reply } = trouble;
  const where = formatTarget(target);
  // Whatever the code: a password that is wrong here is ours to correct, and no reason to return mail.
  if (kind === 'login-failed')
    return Outcome.deferred('4.7.8', `${where}: ${wordsOf(trouble)}`, { scope: 'destination' });
  if (reply !== undefined) return deferralOfRefusal(reply, target.host);
  // RFC 8689 §4.2.1: returned at once, and what is not known is no such failure.
  if (demanded && trouble.fault !== undefined && trouble.fault !== 'dnssec-invalid')
    return Outcome.failed('5.7.10', `REQUIRETLS was asked for: ${where}: ${text}`);
  switch (kind) {
    case 'tls-missing':
      return Outcome.deferred('4.7.4', `TLS is required by us: ${where}: ${text}`, { scope: 'destination' });
    case 'tls-failed':
      return Outcome.deferred('4.7.5', `${where}: ${text}`, { scope: 'destination' });
    case 'aborted':
      return Outcome.deferred('4.3.0', text);
    default:
      return Outcome.deferred('4.4.1', `no service at ${where}: ${text}`, { scope: 'destination' });
  }
}

function placeOf({
  host,
  address,
  port,
  policy,
}: Target): Pick<Exchange, 'host' | 'address' | 'port' | 'policy'> {
  return { host, address, port, ...(policy !== undefined && { policy }) };
}

/** Recipients that share a result share one line. */
function repliesOf(results: readonly RecipientResult[]): readonly ExchangeReply[] {
  const counts = new Map<RecipientResult, number>();
  for (const result of results) counts.set(result, (counts.get(result) ?? 0) + 1);
  return [...counts].map(([{ during, reply }, recipients]) => ({
    command: during === 'message' || during === 'local' ? during : during.toUpperCase(),
    reply: reply === undefined ? null : wordsOfReply(reply),
    recipients,
  }));
}

/** Who has which outcome. */
class Ledger {
  /** Recipients without an outcome. */
  open: readonly Recipient[];
  /** What those will be told who stay without one. */
  trouble: Outcome = Outcome.deferred('4.4.1', 'no mail host could be reached', { scope: 'destination' });
  readonly #outcomes = new Map<Recipient, Outcome>();
  #hopes = false;

  constructor(recipients: readonly Recipient[]) {
    this.open = recipients;
  }

  /**
   * @param asked the first of `open`
   * @param results for them, in their order
   */
  enter(asked: readonly Recipient[], results: readonly RecipientResult[], connection: Connection): void {
    // Recipients that share a result share its outcome, so that alike can be told by identity.
    const shared = new Map<RecipientResult, Outcome | undefined>();
    const open: Recipient[] = [];
    const someTaken = results.some(isTaken);
    asked.forEach((recipient, index) => {
      const result = results[index] as RecipientResult;
      if (!shared.has(result)) {
        const outcome = this.#outcomeOf(result, connection);
        const goesAnew = someTaken && isOneTooMany(result);
        if (goesAnew && outcome !== undefined) this.trouble = outcome;
        shared.set(result, goesAnew ? undefined : outcome);
      }
      const outcome = shared.get(result);
      if (outcome === undefined) open.push(recipient);
      else this.#outcomes.set(recipient, outcome);
    });
    this.open = [...open, ...this.open.slice(asked.length)];
  }

  /** A host is passed over. One that may be reached another time leaves hope for the message. */
  troubled(outcome: Outcome): void {
    if (outcome.kind === 'failed' && this.#hopes) return;
    this.#hopes ||= outcome.kind === 'deferred';
    this.trouble = outcome;
  }

  settleOpen(outcome: Outcome): void {
    for (const recipient of this.open) this.#outcomes.set(recipient, outcome);
    this.open = [];
  }

  /** The one outcome of all; or what most have, when those of the others are durable. */
  async conclude(delivery: Delivery): Promise<Outcome> {
    this.settleOpen(this.trouble);
    const counts = new Map<Outcome, number>();
    for (const outcome of this.#outcomes.values()) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    let most = this.trouble;
    for (const [outcome, count] of counts) if (count > (counts.get(most) ?? 0)) most = outcome;
    if (counts.size > 1) {
      const others = [...this.#outcomes].filter(([, outcome]) => outcome !== most);
      await Promise.all(others.map(([recipient, outcome]) => delivery.settle(recipient, outcome)));
    }
    return most;
  }

  /** undefined: another connection may be asked. */
  #outcomeOf({ during, reply }: RecipientResult, connection: Connection): Outcome | undefined {
    const { host } = connection.target;
    if (reply === undefined) {
      // The next hop may have the message: to ask another one now would only make sure of the duplicate.
      if (during === 'message')
        return Outcome.deferred('4.4.2', `${host} was lost before it answered for the message`);
      this.trouble = Outcome.deferred('4.4.2', `${host} was lost in the dialogue`, { scope: 'destination' });
      return undefined;
    }
    if (reply.code === 421 && during !== 'message') {
      this.trouble = deferralOfRefusal(reply, host);
      return undefined;
    }
    const outcome = outcomeOfReply(reply, during, host, connection.relayed);
    // RFC 8689 §4.2.1: another host of the domain may offer REQUIRETLS.
    if (during === 'local' && reply.status === '5.7.30') {
      connection.unfit = true;
      this.troubled(outcome);
      return undefined;
    }
    // Where the limit on the messages of a connection is not told by 421, only a new connection shows what was meant.
    if (during === 'mail' && outcome.kind === 'deferred' && connection.messages > 1) {
      connection.spent = true;
      this.trouble = outcome;
      return undefined;
    }
    return outcome;
  }
}

function isTaken({ during, reply }: RecipientResult): boolean {
  return during === 'message' && reply !== undefined && reply.code < 300;
}

/** RFC 5321 §4.5.3.1.10: the others have been taken, so this one goes in another transaction. */
function isOneTooMany({ during, reply }: RecipientResult): boolean {
  if (during !== 'rcpt' || reply === undefined) return false;
  if (reply.status === undefined) return reply.code === 452 || reply.code === 552;
  return reply.status === '4.5.3' || (reply.code === 552 && reply.status === '5.5.3');
}
