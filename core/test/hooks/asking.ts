// Asks the handlers of one hook as a listener would: plugins in, a ruling and the events out.

import type { EventName, EventSink, Events, Handler, Hooks, SessionHook } from '../../src/contract/index.ts';
import {
  Asking,
  ConnectCall,
  DataCall,
  EditList,
  type HookQuestion,
  MailFromCall,
  NoteBook,
  type PlannedHandler,
  type PlannedPlugin,
  planFor,
  RcptCall,
  type Ruling,
} from '../../src/hooks/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { STRANGER } from '../../src/testing/mount-details.ts';
import { recordingLogger } from '../../src/testing/recording-logger.ts';

export const SESSION_HOOKS: readonly SessionHook[] = ['on-connect', 'on-mail-from', 'on-rcpt', 'on-data'];
export const RECIPIENTS = ['a@ours.example', 'b@ours.example', 'c@ours.example'].map((address) =>
  mailbox(address),
);
export const clock = fakeClock();

export type EntryOptions = Partial<Pick<PlannedPlugin, 'on' | 'mode' | 'onError' | 'timeout'>>;

export function plugin(name: string, hooks: Hooks, options: EntryOptions = {}): PlannedPlugin {
  const defaults = { on: undefined, mode: 'enforce', onError: 'defer', timeout: 10_000 } as const;
  return { name, hooks, log: recordingLogger(), ...defaults, ...options };
}

/** One plugin named `subject` with one handler. What the types forbid a JavaScript plugin may still do. */
export function answering(
  hook: SessionHook,
  handler: (asked: never) => unknown,
  options: EntryOptions = {},
): PlannedPlugin {
  return plugin('subject', { [hook]: handler as Handler<SessionHook> }, options);
}

export interface Asked {
  readonly ruling: Ruling;
  readonly perRecipient: ReadonlyMap<unknown, Ruling> | undefined;
  readonly edits: EditList;
  readonly synchronous: boolean;
  events<E extends EventName>(name: E): readonly Events[E][];
}

export interface Inquiry {
  readonly asking: Asking<SessionHook>;
  readonly edits: EditList;
  events<E extends EventName>(name: E): readonly Events[E][];
}

export function inquire<H extends SessionHook>(
  hook: H,
  plugins: readonly PlannedPlugin[],
  listener = 'mx',
): Inquiry {
  const seen: { name: string; facts: unknown }[] = [];
  const sink: EventSink = { wants: () => true, emit: (name, facts) => void seen.push({ name, facts }) };
  const notes = new NoteBook();
  const edits = new EditList();
  const transaction = { sender: mailbox('sender@client.example'), parameters: {}, notes };
  const rcpt = { recipient: RECIPIENTS[0] as (typeof RECIPIENTS)[0], parameters: {}, accepted: [] };
  const data = {
    recipients: RECIPIENTS,
    message: {
      size: 0,
      headers: { first: () => undefined, all: () => [], [Symbol.iterator]: [][Symbol.iterator] },
      header: new Uint8Array(0),
      mime: { parts: 0, depth: 0 },
      async *open() {},
    },
  };
  const calls = {
    'on-connect': ({ log }: PlannedHandler<SessionHook>) => new ConnectCall(STRANGER, notes, log),
    'on-mail-from': ({ log }: PlannedHandler<SessionHook>) => new MailFromCall(STRANGER, transaction, log),
    'on-rcpt': ({ log }: PlannedHandler<SessionHook>, claimed: boolean) =>
      new RcptCall(STRANGER, transaction, log, rcpt, claimed),
    'on-data': ({ log }: PlannedHandler<SessionHook>) =>
      new DataCall(STRANGER, transaction, log, data, edits),
  };
  const question = {
    hook,
    session: STRANGER.id,
    call: calls[hook],
    ...(hook === 'on-rcpt' && { recipient: rcpt.recipient }),
    ...(hook === 'on-data' && { recipients: RECIPIENTS }),
  };
  const handlers = planFor(listener, plugins)[hook];
  return {
    asking: new Asking(
      handlers,
      question as unknown as HookQuestion<H>,
      clock,
      sink,
    ) as unknown as Asking<SessionHook>,
    edits,
    events: (name) => seen.filter((event) => event.name === name).map(({ facts }) => facts) as never,
  };
}

export async function ask(
  hook: SessionHook,
  plugins: readonly PlannedPlugin[],
  listener = 'mx',
): Promise<Asked> {
  const { asking, edits, events } = inquire(hook, plugins, listener);
  const ran = asking.run();
  const ruling = await ran;
  return { ruling, edits, events, perRecipient: asking.perRecipient, synchronous: !(ran instanceof Promise) };
}
