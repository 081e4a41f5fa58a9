// The five hooks: what each is given and what it may answer. Every other hook type is derived from this table.

import type { ConnectAsked, DataAsked, MailFromAsked, RcptAsked } from './asked.ts';
import type { Awaitable, DeliverHandler, Nothing } from './delivery.ts';
import type {
  Accept,
  Continue,
  Defer,
  Discard,
  Disconnect,
  PerRecipient,
  Quarantine,
  Reject,
} from './verdict.ts';

export interface HookTable {
  /** Before the banner. Silence accepts. */
  'on-connect': { asked: ConnectAsked; answer: Continue | Accept | Reject | Defer | Disconnect };
  /** At MAIL. Silence accepts. */
  'on-mail-from': { asked: MailFromAsked; answer: Continue | Accept | Reject | Defer | Disconnect };
  /** At each RCPT. Silence rejects with 5.7.1: a closed house relays nothing. */
  'on-rcpt': { asked: RcptAsked; answer: Continue | Accept | Reject | Defer | Disconnect };
  /** After the last octet, before the commit. Silence accepts. */
  'on-data': {
    asked: DataAsked;
    answer: Continue | Accept | Reject | Defer | Disconnect | Discard | Quarantine | PerRecipient;
  };
}

/** The hooks of the dialogue with the client; the fifth, on-deliver, speaks with the queue. */
export type SessionHook = keyof HookTable;
export type Hook = SessionHook | 'on-deliver';

/**
 * A handler answers at once where it can: a function that returns its verdict costs the message nothing,
 * one that returns a promise suspends the dialogue.
 */
export type Handler<H extends SessionHook> = (
  asked: HookTable[H]['asked'],
) => Awaitable<HookTable[H]['answer'] | Nothing>;

/** Handlers run in the order of the plugin list; `early` ones before all others, `late` ones after. */
export type HookOrder = 'early' | 'late';
export type Placed<F> = F | { readonly order?: HookOrder; readonly handler: F };

export type Hooks = { readonly [H in SessionHook]?: Placed<Handler<H>> } & {
  readonly 'on-deliver'?: DeliverHandler;
};

const HOOKS: Record<Hook, 1> = {
  'on-connect': 1,
  'on-mail-from': 1,
  'on-rcpt': 1,
  'on-data': 1,
  'on-deliver': 1,
};
export const hookNames: readonly Hook[] = Object.keys(HOOKS) as Hook[];

/** The verdict kinds that each hook of the dialogue may answer: the run-time side of HookTable, for JavaScript plugins. */
export const allowedKinds: { readonly [H in SessionHook]: ReadonlySet<string> } = {
  'on-connect': new Set<HookTable['on-connect']['answer']['kind']>([
    'continue',
    'accept',
    'reject',
    'defer',
    'disconnect',
  ]),
  'on-mail-from': new Set<HookTable['on-mail-from']['answer']['kind']>([
    'continue',
    'accept',
    'reject',
    'defer',
    'disconnect',
  ]),
  'on-rcpt': new Set<HookTable['on-rcpt']['answer']['kind']>([
    'continue',
    'accept',
    'reject',
    'defer',
    'disconnect',
  ]),
  'on-data': new Set<HookTable['on-data']['answer']['kind']>([
    'continue',
    'accept',
    'reject',
    'defer',
    'disconnect',
    'discard',
    'quarantine',
    'per-recipient',
  ]),
};
