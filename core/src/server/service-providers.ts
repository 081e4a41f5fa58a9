// Which plugins of ours provide which service, so that a message about a missing one can name them. A test holds the table
// to what the plugins declare. Pure.

import { Authenticator, Counters, QueueStore, type Token, Trace } from '../contract/index.ts';

/** The one to begin with comes first. The other services of the contract are the core's own, which plugins may replace. */
export const providersOf: ReadonlyMap<Token<unknown>, readonly string[]> = new Map<
  Token<unknown>,
  readonly string[]
>([
  [QueueStore, ['@posthouse/store-sqlite']],
  [Authenticator, ['@posthouse/auth-file', '@posthouse/auth-dovecot', '@posthouse/auth-http']],
  [Trace, ['@posthouse/observe-trace']],
  [Counters, ['@posthouse/counter-redis']],
]);
