// What an MTA-STS policy asks of a connection to a host of its domain (RFC 8461 §4, §5).

import type { Target } from '@posthouse/core/client';
import { unfit } from '../dane.ts';
import type { DomainPolicy } from './policies.ts';
import { allowsHost } from './policy.ts';

/** The target with what is asked of it. */
export type TlsWish = (target: Target) => Target;

export function stsWish(domain: string, { policy, problem }: DomainPolicy): TlsWish {
  if (policy === undefined || policy.mode === 'none') {
    const why = problem === undefined ? {} : { policy: `mta-sts (no policy: ${problem.text})` };
    return (target) => ({ ...target, tls: 'may', ...why });
  }
  const name = `mta-sts ${policy.mode} (${domain})`;
  return (target) => {
    const fault = allowsHost(policy, target.host)
      ? undefined
      : `the MTA-STS policy of ${domain} does not name it`;
    // §4.1: the name of the MX host, and no other.
    const names = [target.host];
    if (policy.mode === 'testing') {
      const trial =
        fault === undefined ? {} : { fault: { kind: 'validation-failure' as const, text: fault } };
      return { ...target, tls: 'may', names, trial, policy: name };
    }
    if (fault !== undefined) return unfit(target, 'validation-failure', fault, name);
    return { ...target, tls: 'verify', names, policy: name };
  };
}
