// The names of an address, and whether one of them leads back to it: forward-confirmed reverse DNS (RFC 8601 §3).

import type { Resolver } from '@posthouse/core';
import { sameAddress } from './helo.ts';

export interface ReverseName {
  readonly names: readonly string[];
  readonly confirmed: string | undefined;
}

/** RFC 8601 §3 wants a limit: an address may have any number of names. */
const MAX_NAMES = 10;

/** Rejects where DNS cannot tell. */
export async function reverseNameOf(
  address: string,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<ReverseName> {
  const names = (await resolver.ptr(address, signal)).slice(0, MAX_NAMES);
  const found = await Promise.allSettled(names.map((name) => resolver.addresses(name, signal)));
  const confirmed = names.find((_, index) => {
    const of = found[index];
    return (
      of?.status === 'fulfilled' &&
      [...of.value.v4, ...of.value.v6].some((each) => sameAddress(each, address))
    );
  });
  // One name that leads back is enough; without any, a failure means that we do not know.
  const failed = found.find((each) => each.status === 'rejected');
  if (confirmed === undefined && failed !== undefined) throw failed.reason;
  return { names, confirmed };
}
