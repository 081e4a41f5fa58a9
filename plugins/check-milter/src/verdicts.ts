// What a milter's words mean to the client. Pure.

import {
  type Defer,
  type Disconnect,
  type PermanentStatus,
  type Reject,
  type TransientStatus,
  Verdict,
} from '@posthouse/core';
import type { Word } from './answer.ts';
import type { Milter } from './milter.ts';

/** The word as a veto; undefined where it lets things go on. `discard` is the caller's to see to. */
export function vetoOf(word: Word, { name }: Pick<Milter, 'name'>): Reject | Defer | Disconnect | undefined {
  switch (word.kind) {
    case 'reject':
      return Verdict.reject('5.7.1', 'Refused by policy', { reason: `milter.${name}.reject` });
    case 'defer':
      return Verdict.defer('4.7.1', 'Please try again later', { reason: `milter.${name}.defer` });
    case 'shutdown':
      return Verdict.disconnect('Please try again later', { reason: `milter.${name}.shutdown` });
    case 'reply':
      return ofReply(word, name);
    default:
      return undefined;
  }
}

function ofReply(
  { code, status, text }: Word & { readonly kind: 'reply' },
  name: string,
): Reject | Defer | Disconnect {
  const reason = `milter.${name}.reply`;
  // RFC 5321 §3.8: 421 is the end of the connection.
  if (code === 421) return Verdict.disconnect(text || 'Please try again later', { reason });
  return code < 500
    ? Verdict.defer((status as TransientStatus | undefined) ?? '4.7.1', text || 'Please try again later', {
        code,
        reason,
      })
    : Verdict.reject((status as PermanentStatus | undefined) ?? '5.7.1', text || 'Refused by policy', {
        code,
        reason,
      });
}

/** No answer, or none that means anything. */
export function unavailable({ name, unavailable: follows }: Milter): Reject | Defer | undefined {
  const reason = `milter.${name}.unavailable`;
  if (follows === 'pass') return undefined;
  return follows === 'reject'
    ? Verdict.reject('5.3.0', 'The message cannot be looked at', { code: 554, reason })
    : Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', { reason });
}
