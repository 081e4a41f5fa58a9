// mount: one plugin by itself. Its configuration is checked as in a server, its hooks are called directly,
// and what they return or throw comes back as it is: rules of the runner are openHouse's business.

import {
  type AnyPluginBody,
  type AnyPluginSpec,
  type ConfiguredPlugin,
  type DeliverHandler,
  type Delivery,
  type Hook,
  type HookTable,
  hookNames,
  type Outcome,
  type SessionHook,
  Verdict,
} from '../contract/index.ts';
import { type Edit, EditList, NoteBook } from '../hooks/index.ts';
import { headerEnd } from '../intake/header-section.ts';
import { signedHead } from '../intake/signing.ts';
import { resolveDefinition } from '../server/configuration/index.ts';
import type { Mailbox, ReversePath } from '../smtp/index.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';
import {
  type AskedDetails,
  askedOf,
  asMailbox,
  asSender,
  type DeliveryDetails,
  inChunks,
  octets,
  STRANGER,
  storedMessage,
} from './mount-details.ts';
import { SILENT, servicesFor } from './mount-services.ts';
import { type RecordingLogger, recordingLogger } from './recording-logger.ts';

export interface MountedPlugin extends AsyncDisposable {
  /** The hooks that it has. */
  readonly hooks: readonly Hook[];
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
 * Resolver, Logger, EventSink, Identifiers, Counters, Mailer, ServerIdentity, BounceClassifier,
 * AuthenticationResultsRules.
 * @param clock the one that it is given where it needs one; a new one by default.
 */
export async function mount(
  configured: ConfiguredPlugin,
  services: Readonly<Record<string, unknown>> = {},
  clock?: FakeClock,
): Promise<MountedPlugin> {
  const log = recordingLogger();
  const { spec, body } = setUp(configured, services, log, clock);
  await body.start?.();
  const edits = new EditList();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await body.stop?.();
  };
  return {
    hooks: hookNames.filter((name) => body.hooks?.[name] !== undefined),
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
        through: (hosts) => details.through?.(hosts) ?? true,
        messagesPerConnection: details.messagesPerConnection,
        shared: details.shared,
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

/** Checks the configuration and sets the plugin up, without starting it. */
export function setUp(
  configured: ConfiguredPlugin,
  services: Readonly<Record<string, unknown>>,
  log: RecordingLogger,
  clock: FakeClock = fakeClock(),
): { readonly spec: AnyPluginSpec; readonly body: AnyPluginBody } {
  const { plugins } = resolveDefinition(
    { hostname: 'house.example', listeners: [{ name: 'mx', port: 0 }], plugins: [configured] },
    process.cwd(),
  );
  const spec = configured.plugin;
  const tools = { config: plugins[0]?.config ?? {}, log: log.child({ plugin: spec.name }) };
  return { spec, body: spec.setup({ ...servicesFor(spec, services, log, clock), ...tools }) };
}

function transportOf(handler: DeliverHandler | undefined, plugin: string): DeliverHandler {
  if (handler === undefined) throw new TypeError(`${plugin} has no on-deliver handler`);
  return handler;
}
