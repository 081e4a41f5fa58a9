// Holds a handler's answer against the contract at run time: what TypeScript refuses to compile,
// JavaScript plugins learn here. An illegal answer counts as a failure of the handler.

import { allowedKinds, type SessionHook, type Verdict } from '../contract/index.ts';
import { isPermanentStatus, isTransientStatus, type Mailbox } from '../smtp/index.ts';

/**
 * What is wrong with the answer, in words for the log; undefined when it is legal.
 * @param recipients who may have a verdict of his own: those of the message, as the handler was given them.
 */
export function faultOf(
  hook: SessionHook,
  answer: unknown,
  recipients: readonly Mailbox[] = [],
): string | undefined {
  if (typeof answer !== 'object' || answer === null) {
    return `${answer === null ? 'null' : `a ${typeof answer}`} is no verdict; to have no opinion, return nothing`;
  }
  const verdict = answer as Partial<Record<string, unknown>>;
  if (typeof verdict.kind !== 'string' || !allowedKinds[hook].has(verdict.kind)) {
    return `${JSON.stringify(verdict.kind)} is no answer to ${hook}; it may be ${[...allowedKinds[hook]].join(', ')}`;
  }
  return faultOfKind(verdict as { kind: Verdict['kind'] } & Record<string, unknown>, recipients);
}

function faultOfKind(
  verdict: { kind: Verdict['kind'] } & Record<string, unknown>,
  recipients: readonly Mailbox[],
): string | undefined {
  switch (verdict.kind) {
    case 'reject':
      if (!isPermanentStatus(String(verdict.status)))
        return `reject takes a status 5.x.x, not ${verdict.status}`;
      return faultOfCode(verdict.code, 500) ?? faultOfText(verdict);
    case 'defer':
      if (!isTransientStatus(String(verdict.status)))
        return `defer takes a status 4.x.x, not ${verdict.status}`;
      return faultOfCode(verdict.code, 400) ?? faultOfText(verdict);
    case 'disconnect':
      return faultOfText(verdict);
    case 'discard':
    case 'quarantine':
      return typeof verdict.reason === 'string' ? undefined : `${verdict.kind} takes a reason`;
    case 'per-recipient': {
      if (!(verdict.verdicts instanceof Map)) return 'per-recipient takes a Map from recipient to verdict';
      for (const [recipient, each] of verdict.verdicts as ReadonlyMap<unknown, unknown>) {
        // A verdict for somebody else would be a veto that nobody applies.
        if (!recipients.includes(recipient as Mailbox))
          return 'per-recipient names somebody who is not among `recipients`';
        const kind = (each as { kind?: unknown } | undefined)?.kind;
        if (kind === 'per-recipient' || kind === 'disconnect')
          return `${kind} is no answer for one recipient`;
        const fault = faultOf('on-data', each);
        if (fault !== undefined) return fault;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

function faultOfText(verdict: Record<string, unknown>): string | undefined {
  return typeof verdict.text === 'string' ? undefined : `${verdict.kind} takes a text for the client`;
}

function faultOfCode(code: unknown, hundred: 400 | 500): string | undefined {
  if (code === undefined) return undefined;
  // RFC 5321 §3.8: 421 closes the connection, which is what `disconnect` is for.
  if (code === 421) return 'the reply code 421 is that of disconnect';
  const fits = Number.isInteger(code) && (code as number) >= hundred && (code as number) < hundred + 60;
  return fits ? undefined : `the reply code must be from ${hundred} to ${hundred + 59}, not ${code}`;
}
