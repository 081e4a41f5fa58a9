// What silence means, hook by hook, and what a handler's failure means. The whole policy of the core.

import { type Accept, type Defer, type Reject, type SessionHook, Verdict } from '../contract/index.ts';

export const silence: { readonly [H in SessionHook]: Accept | Reject } = {
  'on-connect': Verdict.accept(),
  'on-mail-from': Verdict.accept(),
  // A closed house relays nothing: only a plugin opens it.
  'on-rcpt': Verdict.reject('5.7.1', 'Relaying denied', { reason: 'relaying-denied' }),
  'on-data': Verdict.accept(),
};

/** Fail closed: a handler that throws, hangs or answers nonsense has not agreed to anything. */
export const FAILURE: Defer = Verdict.defer('4.3.0', 'Internal error, please try again later', {
  code: 451,
  reason: 'handler-failed',
});
