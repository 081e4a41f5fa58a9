// One message, several recipients, several verdicts: what the client hears and what becomes of each recipient. Pure.
// This is the one stated rule for mixed answers (README of the core, "Mixed answers").

import type {
  Accept,
  Defer,
  Discard,
  Disconnect,
  Quarantine,
  Recipient,
  Reject,
  Veto,
} from '../contract/index.ts';
import type { Ruling } from '../hooks/index.ts';
import type { Mailbox } from '../smtp/index.ts';

export type Fate =
  | { readonly kind: 'queue' }
  | { readonly kind: 'hold'; readonly plugin: string; readonly text: string }
  | { readonly kind: 'bounce'; readonly plugin: string; readonly verdict: Reject }
  | { readonly kind: 'drop'; readonly plugin: string; readonly reason: string }
  /** LMTP: the client hears it in this recipient's own reply, and nothing is kept for it. */
  | { readonly kind: 'refuse'; readonly verdict: Reject | Defer };

export type Disposition =
  /** Nothing is kept; the client hears this. */
  | { readonly kind: 'refuse'; readonly verdict: Reject | Defer | Disconnect }
  /** 250, once whatever is to be kept is durable. */
  | {
      readonly kind: 'keep';
      readonly fates: readonly { readonly recipient: Recipient; readonly fate: Fate }[];
    };

const QUEUE: Fate = { kind: 'queue' };

/** LMTP, where each recipient has a reply of its own (RFC 2033 §4.2): nobody's answer depends on another's. */
export function dispositionForEach(
  recipients: readonly Recipient[],
  ruling: Ruling,
  perRecipient: ReadonlyMap<Mailbox, Ruling> | undefined,
): Disposition {
  if (perRecipient === undefined || refuses(ruling)) return uniform(recipients, ruling);
  const rulings = recipients.map((recipient) => perRecipient.get(recipient.address) ?? ruling);
  // The end of the connection is the end for all.
  const end = rulings.find(({ verdict }) => verdict.kind === 'disconnect');
  if (end) return { kind: 'refuse', verdict: end.verdict as Disconnect };
  const fates = recipients.map((recipient, index) => {
    const each = rulings[index] as Ruling;
    const fate: Fate = refuses(each)
      ? { kind: 'refuse', verdict: each.verdict as Reject | Defer }
      : fateOf(each, false);
    return { recipient, fate };
  });
  return { kind: 'keep', fates };
}

export function dispositionOf(
  recipients: readonly Recipient[],
  ruling: Ruling,
  perRecipient: ReadonlyMap<Mailbox, Ruling> | undefined,
  authenticated: boolean,
): Disposition {
  // A veto of the whole message stands whatever was said of single recipients: nothing is kept, so nothing is lost.
  if (perRecipient === undefined || refuses(ruling)) return uniform(recipients, ruling);
  const rulings = recipients.map((recipient) => perRecipient.get(recipient.address) ?? ruling);
  const first = rulings[0] as Ruling;
  if (rulings.every(({ verdict }) => verdict.kind === first.verdict.kind))
    return uniform(recipients, first, rulings);
  // A deferral of one defers all: nothing is committed yet, so the client's next try loses nothing.
  const deferral = rulings.find(({ verdict }) => verdict.kind === 'defer' || verdict.kind === 'disconnect');
  if (deferral) return { kind: 'refuse', verdict: deferral.verdict as Defer | Disconnect };
  return {
    kind: 'keep',
    fates: recipients.map((recipient, index) => ({
      recipient,
      fate: fateOf(rulings[index] as Ruling, authenticated),
    })),
  };
}

function refuses({ verdict }: Ruling): boolean {
  return verdict.kind === 'reject' || verdict.kind === 'defer' || verdict.kind === 'disconnect';
}

function uniform(recipients: readonly Recipient[], ruling: Ruling, each?: readonly Ruling[]): Disposition {
  const { verdict } = ruling;
  if (verdict.kind === 'reject' || verdict.kind === 'defer' || verdict.kind === 'disconnect') {
    return { kind: 'refuse', verdict };
  }
  return {
    kind: 'keep',
    fates: recipients.map((recipient, index) => ({
      recipient,
      fate: fateOf(each?.[index] ?? ruling, false),
    })),
  };
}

function fateOf({ verdict, plugin }: Ruling, authenticated: boolean): Fate {
  const by = plugin ?? 'core';
  switch ((verdict as Accept | Veto).kind) {
    case 'discard':
      return { kind: 'drop', plugin: by, reason: (verdict as Discard).reason };
    case 'quarantine':
      return { kind: 'hold', plugin: by, text: (verdict as Quarantine).reason };
    case 'reject': {
      // A bounce to an unauthenticated sender is backscatter: the address may be forged. A person decides instead.
      const rejection = verdict as Reject;
      if (authenticated) return { kind: 'bounce', plugin: by, verdict: rejection };
      return {
        kind: 'hold',
        plugin: by,
        text: `refused for this recipient: ${rejection.status} ${rejection.text}`,
      };
    }
    default:
      return QUEUE;
  }
}
