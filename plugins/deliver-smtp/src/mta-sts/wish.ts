// What an MTA-STS policy asks of a connection to a host of its domain (RFC 8461 §4, §5).

import type { Target } from '@posthouse/core/client';
import { unfit } from '../dane.ts';
import type { DomainPolicy } from './policies.ts';
import { allowsHost } from './policy.ts';

/** The target with what is asked of it. */
export type TlsWish = (target: Target) => Target;

export function stsWish(domain: string, found: DomainPolicy): TlsWish {
  const { policy } = found;
  const told = forReports(domain, found);
  if (policy === undefined || policy.mode === 'none') {
    const why = found.problem === undefined ? {} : { policy: `mta-sts (no policy: ${found.problem.text})` };
    return (target) => ({ ...target, tls: 'may', ...why, ...told });
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
      return { ...target, tls: 'may', names, trial, policy: name, ...told };
    }
    if (fault !== undefined) return { ...unfit(target, 'validation-failure', fault, name), ...told };
    return { ...target, tls: 'verify', names, policy: name, ...told };
  };
}

/** RFC 8460 §4.4: the policy line by line, and what was wrong with it. */
function forReports(domain: string, { policy, text = '', problem }: DomainPolicy): Partial<Target> {
  if (policy === undefined && problem === undefined) return {};
  const strings = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return {
    published: { type: 'sts', domain, strings, hosts: policy?.mx ?? [] },
    ...(problem !== undefined && { publishedFault: { kind: problem.type, text: problem.text } }),
  };
}
