// Several Authenticators as one, for plugins that need one: the first that knows the user decides.

import type { Authenticator } from '../contract/index.ts';

/** @param members in the order of the plugin list */
export function inTurn(members: readonly Authenticator[]): Authenticator {
  const [only] = members;
  if (only !== undefined && members.length === 1) return only;
  return {
    verifyPassword: (asked) => first(members, (member) => member.verifyPassword?.(asked)),
    scramKeys: (asked) => first(members, (member) => member.scramKeys?.(asked)),
    hasScramKeysForAll: () =>
      members.every(({ scramKeys, hasScramKeysForAll }) => scramKeys && hasScramKeysForAll?.() !== false),
    verifyToken: (asked) => first(members, (member) => member.verifyToken?.(asked)),
  };
}

async function first<T>(
  members: readonly Authenticator[],
  ask: (member: Authenticator) => T | Promise<T> | undefined,
): Promise<T | undefined> {
  for (const member of members) {
    const answer = await ask(member);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
