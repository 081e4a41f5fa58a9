// The MTA-STS policies, as the configuration has them.

import type { Clock, Logger, Resolver } from '@posthouse/core';
import type { TlsTrust } from '@posthouse/core/client';
import type { Config } from '../config.ts';
import { fetchPolicy } from './fetch.ts';
import { MtaStsPolicies } from './policies.ts';
import { PolicyFiles } from './policy-files.ts';

export function mtaStsPolicies(
  { mtaSts }: Pick<Config, 'mtaSts'>,
  trust: TlsTrust,
  { resolver, clock, log }: { readonly resolver: Resolver; readonly clock: Clock; readonly log: Logger },
): MtaStsPolicies | undefined {
  if (mtaSts === undefined) return undefined;
  const { path, fetchTimeout: timeout } = mtaSts;
  return new MtaStsPolicies({
    resolver,
    clock,
    log,
    files: new PolicyFiles(path, log),
    fetch: (domain) =>
      fetchPolicy(domain, { resolver, clock, secureContext: trust.secureContext, timeout, port: 443 }),
  });
}
