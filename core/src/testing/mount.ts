// mount: one plugin by itself. Its configuration is checked as in a server, its hooks are called directly,
// and what they return or throw comes back as it is: rules of the runner are openHouse's business.

import {
  Chance,
  Clock,
  type ConfiguredPlugin,
  type DeliverHandler,
  type Delivery,
  EventSink,
  type HookTable,
  Identifiers,
  Logger,
  type MessageRecord,
  type Outcome,
  type ReceivedMessage,
  Resolver,
  ServerIdentity,
  type SessionHook,
  type SessionView,
  type StoredMessage,
  type Token,
  tokenName,
  Verdict,
} from '../contract/index.ts';
import { type Edit, EditList, NoteBook } from '../hooks/index.ts';
import { headerEnd, ParsedHeaders } from '../intake/header-section.ts';
import { signedHead } from '../intake/signing.ts';
import { resolveDefinition } from '../server/configuration/index.ts';
import { systemIdentifiers } from '../server/system/identifiers.ts';
import { Mailbox, mailbox, type ReversePath } from '../smtp/index.ts';
import { fakeChance, fakeClock } from './fake-clock.ts';
import { fakeResolver } from './fake-resolver.ts';
import { type RecordingLogger, recordingLogger } from './recording-logger.ts';

/** What a test says of the question; the rest is a plausible stranger at 192.0.2.1. */
export interface AskedDetails {
  readonly session?: Partial<SessionView>;
  readonly sender?: ReversePath | string;
  readonly recipient?: Mailbox | string;
  readonly recipients?: readonly (Mailbox | string)[];
  readonly accepted?: readonly (Mailbox | string)[];
  readonly claimed?: boolean;
  readonly notes?: NoteBook;
  /** The message of on-data, CRLF line ends. */
  readonly message?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface DeliveryDetails {
  readonly destination?: string;
  readonly attempt?: number;
  readonly sender?: ReversePath | string;
  readonly recipients: readonly (Mailbox | string)[];
  readonly message: string | Uint8Array;
  /** false: the octets come from the store, a chunk at a time. Default true. */
  readonly inMemory?: boolean;
  readonly signal?: AbortSignal;
}

export interface MountedPlugin extends AsyncDisposable {
  readonly log: RecordingLogger;
  /** What the plugin answers; silence comes back as `continue`. Rejects with what the handler threw. */
  ask<H extends SessionHook>(hook: H, details?: AskedDetails): Promise<HookTable[H]['answer'] | Verdict>;
  /** The edits that on-data handlers asked for so far. */
  readonly edits: readonly Edit[];
  /** What the signers that on-data handlers asked for put on top of a message, which is taken as it goes out. */
  signatures(message: string | Uint8Array): Promise<string>;
  claim(
    recipient: Mailbox | string,
    about?: { sender?: ReversePath | string; redirectedBy?: readonly string[] },
  ): Promise<string | undefined>;
  /** Each recipient with its outcome, whether settled or answered for by the return value. */
  deliver(details: DeliveryDetails): Promise<ReadonlyMap<string, Outcome | undefined>>;
  readonly services: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/**
 * @param services by the plugin's own names (`needs`); the usual ones have fakes as defaults: Clock, Chance,
 * Resolver, Logger, EventSink, Identifiers, ServerIdentity.
 */
export async function mount(
  configured: ConfiguredPlugin,
  services: Readonly<Record<string, unknown>> = {},
): Promise<MountedPlugin> {
  const log = recordingLogger();
  const definition = resolveDefinition(
    { hostname: 'house.example', listeners: [{ name: 'mx', port: 0 }], plugins: [configured] },
    process.cwd(),
  );
  const [plugin] = definition.plugins;
  const { spec } = configured.plugin ? { spec: configured.plugin } : { spec: configured as never };
  const defaults = defaultServices(log);
  const needed = Object.fromEntries(
    Object.entries(spec.needs ?? {}).map(([key, service]) => [
      key,
      services[key] ?? given(defaults, service, spec.name),
    ]),
  );
  const body = spec.setup({ ...needed, config: plugin?.config ?? {}, log: log.child({ plugin: spec.name }) });
  await body.start?.();
  const edits = new EditList();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await body.stop?.();
  };
  return {
    log,
    services: body.services ?? {},
    get edits() {
      return edits.all;
    },
    async ask(hook, details = {}) {
      const placed = body.hooks?.[hook];
      if (placed === undefined) throw new TypeError(`${spec.name} has no ${hook} handler`);
      const handler = (typeof placed === 'function' ? placed : placed.handler) as (asked: unknown) => unknown;
      const answer = await handler(askedOf(details, log, edits));
      return (answer ?? Verdict.continue()) as Verdict;
    },
    async signatures(message) {
      const content = octets(message);
      const header = content.subarray(0, Math.max(0, headerEnd(content)));
      const body = { inMemory: [content], open: () => inChunks(content) };
      const signers = edits.all.filter((edit) => edit.kind === 'sign');
      const services = { clock: fakeClock(), events: SILENT, session: STRANGER.id };
      return signedHead({ head: '', header, body }, signers, services);
    },
    async claim(recipient, about = {}) {
      const { claim } = transportOf(body.hooks?.['on-deliver'], spec.name);
      return claim(asMailbox(recipient), {
        sender: asSender(about.sender),
        notes: new NoteBook(),
        redirectedBy: about.redirectedBy ?? [],
      });
    },
    async deliver(details) {
      const handler = transportOf(body.hooks?.['on-deliver'], spec.name);
      const recipients = details.recipients.map((each) => ({ address: asMailbox(each), parameters: {} }));
      const outcomes = new Map<string, Outcome | undefined>();
      const delivery: Delivery = {
        id: 'ITEM1',
        destination: details.destination ?? recipients[0]?.address.domain ?? '',
        attempt: details.attempt ?? 1,
        sender: asSender(details.sender),
        recipients,
        message: storedMessage(details),
        log: log.child({ plugin: spec.name }),
        signal: details.signal ?? new AbortController().signal,
        async settle(recipient, outcome) {
          outcomes.set(recipient.address.toString(), outcome);
        },
        report: () => {},
      };
      const rest = (await handler.deliver(delivery)) as Outcome | undefined;
      for (const { address } of recipients) {
        if (!outcomes.has(address.toString())) outcomes.set(address.toString(), rest);
      }
      return outcomes;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function defaultServices(log: Logger): ReadonlyMap<Token<unknown>, unknown> {
  const clock = fakeClock();
  const chance = fakeChance(0.5);
  return new Map<Token<unknown>, unknown>([
    [Clock, clock],
    [Chance, chance],
    [Resolver, fakeResolver({})],
    [Logger, log],
    [EventSink, SILENT],
    [Identifiers, systemIdentifiers(clock, chance)],
    [ServerIdentity, { hostname: 'house.example', isSelf: () => false } satisfies ServerIdentity],
  ]);
}

function given(
  defaults: ReadonlyMap<Token<unknown>, unknown>,
  service: Token<unknown>,
  plugin: string,
): unknown {
  if (!defaults.has(service))
    throw new TypeError(`mount: ${plugin} needs ${tokenName(service)}; give it one`);
  return defaults.get(service);
}

const SILENT: EventSink = { wants: () => false, emit: () => {} };

const STRANGER: SessionView = {
  id: 'SESSION1',
  listener: 'mx',
  openedAt: 0,
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  localAddress: '198.51.100.1',
  localPort: 25,
  helo: 'client.example',
  protocol: 'ESMTP',
  tls: undefined,
  proxy: undefined,
  forwarded: undefined,
  earlyTalker: false,
  user: undefined,
};

function askedOf(details: AskedDetails, log: Logger, edits: EditList): object {
  const content = octets(details.message ?? 'Subject: test\r\n\r\nHello\r\n');
  return {
    session: { ...STRANGER, ...details.session },
    notes: details.notes ?? new NoteBook(),
    log,
    signal: details.signal ?? new AbortController().signal,
    sender: asSender(details.sender),
    parameters: {},
    recipient: asMailbox(details.recipient ?? 'recipient@house.example'),
    rcptParameters: {},
    recipients: (details.recipients ?? ['recipient@house.example']).map(asMailbox),
    accepted: (details.accepted ?? []).map(asMailbox),
    claimed: details.claimed ?? false,
    message: receivedMessage(content),
    edits,
  };
}

function receivedMessage(content: Uint8Array): ReceivedMessage {
  const end = Buffer.from(content).indexOf('\r\n\r\n');
  return {
    size: content.length,
    headers: new ParsedHeaders(end === -1 ? content : content.subarray(0, end + 2)),
    open: () => inChunks(content),
  };
}

function storedMessage({ message, sender, inMemory }: DeliveryDetails): StoredMessage {
  const content = octets(message);
  const record: Pick<MessageRecord, 'id' | 'arrivedAt' | 'parameters' | 'origin'> = {
    id: 'MESSAGE1',
    arrivedAt: 0,
    parameters: {},
    origin: { session: 'SESSION1' },
  };
  return {
    ...record,
    size: content.length,
    sender: asSender(sender),
    notes: new NoteBook(),
    inMemory: inMemory === false ? undefined : [content],
    open: () => inChunks(content),
  };
}

async function* inChunks(content: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

function transportOf(handler: DeliverHandler | undefined, plugin: string): DeliverHandler {
  if (handler === undefined) throw new TypeError(`${plugin} has no on-deliver handler`);
  return handler;
}

function octets(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
}

function asMailbox(given: Mailbox | string): Mailbox {
  return given instanceof Mailbox ? given : mailbox(given);
}

function asSender(given: ReversePath | string | undefined): ReversePath {
  if (given === undefined) return mailbox('sender@client.example');
  return given === null || given === '' ? null : asMailbox(given);
}
