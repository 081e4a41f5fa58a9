// Holds a transport's outcome against the contract at run time, for transports that no compiler has seen, and revives
// outcomes that were stored as JSON.

import { BOUNCE_CLASSES, type Outcome } from '../contract/index.ts';
import { isPermanentStatus, isTransientStatus, Mailbox, mailbox } from '../smtp/index.ts';

type Given = Readonly<Record<string, unknown>>;

/** What is wrong with the outcome, in words for the log; undefined when it is legal. Never throws. */
export function faultOfOutcome(outcome: unknown): string | undefined {
  if (typeof outcome !== 'object' || outcome === null) return `a ${typeof outcome} is no outcome`;
  try {
    return faultOf(outcome as Given);
  } catch {
    return 'an outcome that cannot be read';
  }
}

function faultOf(given: Given): string | undefined {
  switch (given.kind) {
    case 'delivered':
      return faultOfDelivered(given);
    case 'discarded':
      return undefined;
    case 'failed':
      if (typeof given.status !== 'string' || !isPermanentStatus(given.status))
        return `failed takes a status 5.x.x, not ${String(given.status)}`;
      return faultOfWords('failed', given);
    case 'deferred':
      if (typeof given.status !== 'string' || !isTransientStatus(given.status))
        return `deferred takes a status 4.x.x, not ${String(given.status)}`;
      return faultOfWords('deferred', given) ?? faultOfWait(given);
    case 'redirected': {
      const { to } = given;
      const fits = Array.isArray(to) && to.length > 0 && to.every((each) => each instanceof Mailbox);
      if (!fits) return 'redirected takes a list of at least one Mailbox';
      const { sender } = given;
      return sender === undefined || sender === null || sender instanceof Mailbox
        ? undefined
        : 'redirected takes as sender a Mailbox or null';
    }
    default:
      return `${String(given.kind)} is no kind of outcome`;
  }
}

/** An outcome that may have been through JSON, where mailboxes are their addresses. */
export function revived(outcome: Outcome): Outcome {
  if (outcome.kind !== 'redirected') return outcome;
  const { sender } = outcome;
  return {
    ...outcome,
    to: outcome.to.map(mailboxOf),
    ...(sender && { sender: mailboxOf(sender) }),
  };
}

function mailboxOf(given: Mailbox | string): Mailbox {
  return given instanceof Mailbox ? given : mailbox(given);
}

function faultOfWords(kind: string, { text, remote, class: given }: Given): string | undefined {
  if (given !== undefined && !(typeof given === 'string' && Object.hasOwn(BOUNCE_CLASSES, given)))
    return `${kind} takes a class of BOUNCE_CLASSES, not ${String(given)}`;
  return typeof text === 'string' ? faultOfRemote(kind, remote) : `${kind} takes a text`;
}

function faultOfDelivered({ text, remote, relayed }: Given): string | undefined {
  if (text !== undefined && typeof text !== 'string') return 'delivered takes a text or none';
  if (relayed !== undefined && relayed !== 'with-dsn' && relayed !== 'without-dsn')
    return `delivered takes relayed as with-dsn or without-dsn, not ${String(relayed)}`;
  return faultOfRemote('delivered', remote);
}

function faultOfRemote(kind: string, remote: unknown): string | undefined {
  if (remote === undefined) return undefined;
  const { host, reply } = (remote ?? {}) as Given;
  return typeof host === 'string' && typeof reply === 'string'
    ? undefined
    : `${kind} takes as remote a host and its reply`;
}

function faultOfWait({ retryAfter, scope }: Given): string | undefined {
  if (retryAfter !== undefined && !(Number.isFinite(retryAfter) && (retryAfter as number) >= 0)) {
    return `deferred takes retryAfter in milliseconds, not ${String(retryAfter)}`;
  }
  return scope === undefined || scope === 'recipient' || scope === 'destination'
    ? undefined
    : `deferred takes the scope recipient or destination, not ${String(scope)}`;
}
