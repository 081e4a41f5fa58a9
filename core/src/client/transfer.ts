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
import { Ledger } from './ledger.ts';
import { deferralOfRefusal, wordsOfReply } from './outcome-of-reply.ts';
import { chunkSize, type OutgoingMessage, outgoingMessage } from './outgoing-message.ts';
import type { Pool } from './pool.ts';
import type { ConnectionSettings } from './settings.ts';
import { formatTarget, type Target } from './target.ts';
import type { Trouble } from './trouble.ts';

/** Best first; or the outcome for all recipients where there are none. */
export type Targets = ({ readonly targets: readonly Target[] } | { readonly outcome: Outcome }) & {
  /** With whom the targets are shared, as the delivery says. */
  readonly shared?: Delivery['shared'];
  /** Where to turn with recipients for whom no target has an answer, and where the outcome is a deferral. */
  readonly fallback?: Fallback;
};

export interface Fallback {
  /** Under which name its connections are kept. */
  readonly keptAs: string;
  find(): Targets | Promise<Targets>;
}

export interface TransferServices {
  readonly settings: ConnectionSettings;
  readonly log: Logger;
  readonly pool: Pool;
  /** Told of every new connection, and of every target without one, for those who count what became of TLS. */
  readonly opened?: (target: Target, opened: Connection | Trouble, delivery: Delivery) => void;
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
  if (ledger.open.length > 0) {
    const fallback = await tryTargets(delivery, outgoing, ledger, services, find);
    if (fallback !== undefined && ledger.open.length > 0 && !delivery.signal.aborted)
      await fallBack(fallback, delivery, outgoing, ledger, services);
  }
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
  while (
    ledger.open.length > 0 &&
    connection.isReady &&
    !isWorn(connection, delivery) &&
    !delivery.signal.aborted
  );
  const more = ledger.open.length > 0 && connection.isReady;
  if (connection.isReady && isWorn(connection, delivery)) connection.quit();
  else services.pool.give(services.keptAs ?? delivery.destination, connection);
  return more && !connection.unfit;
}

function isWorn(
  connection: Connection,
  { messagesPerConnection = Number.POSITIVE_INFINITY }: Delivery,
): boolean {
  return connection.isWorn || connection.messages >= messagesPerConnection;
}

/** One transaction, with as many recipients as the next hop takes in one (RFC 9422 §4.2). */
async function carryToSome(
  connection: Connection,
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  { pool, addressOf, settings }: TransferServices,
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
    chunk: settings.chunking && pool.takesChunks(target) ? chunkSize(outgoing, message) : undefined,
    eightBit: outgoing.eightBit,
    eightBitHeader: outgoing.eightBitHeader,
    withoutRequireTls: !demandsTls(delivery) || connection.isFinal,
  };
  const results = await connection.carry(envelope, message, outgoing, () => delivery.signal.aborted);
  ledger.enter(asked, results, connection);
  if (connection.refusesChunks) pool.refusesChunks(target);
  delivery.report(() => ({
    ...placeOf(target),
    reused: messages > 0,
    ...(connection.tls && { tls: connection.tls }),
    ...(target.trial && connection.tlsFault && { policyFault: connection.tlsFault.text }),
    replies: repliesOf(results),
    milliseconds: pool.now() - started,
  }));
}

async function fallBack(
  { keptAs, find }: Fallback,
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  services: TransferServices,
): Promise<void> {
  const there = { ...services, keptAs };
  const kept = services.pool.take(keptAs);
  if (kept !== undefined) await carry(kept, delivery, outgoing, ledger, there);
  if (ledger.open.length > 0) await tryTargets(delivery, outgoing, ledger, there, find);
}

/** Returns what is left to turn to. */
async function tryTargets(
  delivery: Delivery,
  outgoing: OutgoingMessage,
  ledger: Ledger,
  services: TransferServices,
  find: () => Targets | Promise<Targets>,
): Promise<Fallback | undefined> {
  const { log, pool } = services;
  const { destination, signal } = delivery;
  const found = await find();
  const { fallback, shared } = found;
  if ('outcome' in found) {
    if (found.outcome.kind === 'deferred') ledger.troubled(found.outcome);
    else ledger.settleOpen(found.outcome);
    return fallback;
  }

  // RFC 7504 §3: a host that greets with 521 never takes mail.
  let neverMail = true;
  const left = [...found.targets];
  for (let target = left.shift(); target !== undefined; target = left.shift()) {
    const tried = target;
    const started = pool.now();
    const opened = target.unfit ?? (await openTo(target, services, signal, shared));
    services.opened?.(target, opened, delivery);
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
      if (opened.kind === 'aborted') return undefined;
      continue;
    }
    neverMail = false;
    if (await carry(opened, delivery, outgoing, ledger, services)) left.unshift(target);
    if (ledger.open.length === 0 || signal.aborted) return undefined;
  }
  if (neverMail) ledger.settleOpen(Outcome.failed('5.3.2', `no mail host of ${destination} takes mail`));
  return fallback;
}

async function openTo(
  target: Target,
  { pool, settings }: TransferServices,
  signal: AbortSignal,
  shared: Delivery['shared'],
): Promise<Connection | Trouble> {
  const aborted = (): boolean => signal.aborted;
  const tls = target.tls ?? settings.tls;
  const opened = await pool.open(target, tls, aborted, shared);
  // Opportunistic means that a broken TLS is no worse than none (RFC 7435 §3).
  if (tls === 'may' && 'kind' in opened && opened.kind === 'tls-failed') {
    const clear = await pool.open(target, 'none', aborted, shared);
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
