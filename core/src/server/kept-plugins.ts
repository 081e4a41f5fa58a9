// Which plugins of a running house stay in a new one, and whether the two can follow each other without a restart. Pure.

import { isDeepStrictEqual } from 'node:util';
import {
  AuthenticationResultsRules,
  BounceClassifier,
  Chance,
  Clock,
  Deadlines,
  DeliverySettings,
  EventSink,
  Identifiers,
  Limits,
  Logger,
  PosthouseError,
  QueueStore,
  ServerIdentity,
  type Token,
  tokenName,
} from '../contract/index.ts';
import type { AssembledPlugin } from './assembly.ts';
import { isSamePlugin } from './changes.ts';
import type { ResolvedDefinition, ResolvedPlugin } from './definition.ts';

type ServiceToken = Token<unknown>;

interface Before {
  readonly definition: ResolvedDefinition;
  readonly plugins: readonly AssembledPlugin[];
}

/** The plugins that stay as they are: unchanged themselves, and everything that they need as well. */
export function keptOf(
  active: readonly ResolvedPlugin[],
  before: Before,
  definition: ResolvedDefinition,
): ReadonlyMap<ResolvedPlugin, AssembledPlugin> {
  const kept = new Map<ResolvedPlugin, AssembledPlugin>();
  for (const plugin of active) {
    const found = before.plugins.find((one) => isSamePlugin(one.plugin, plugin));
    if (found !== undefined) kept.set(plugin, found);
  }
  const changed = new Set<ServiceToken>();
  if (!isDeepStrictEqual(definition.limits, before.definition.limits)) changed.add(Limits);
  if (!isDeepStrictEqual(definition.deadlines, before.definition.deadlines)) changed.add(Deadlines);
  if (!isDeepStrictEqual(definition.authenticationResults, before.definition.authenticationResults))
    changed.add(AuthenticationResultsRules);
  const makers = new Set([...active, ...before.plugins.map(({ plugin }) => plugin)]);
  for (let left = -1; left !== kept.size; ) {
    left = kept.size;
    const stays = new Set([...kept].flatMap(([plugin, one]) => [plugin, one.plugin]));
    for (const maker of makers)
      if (!stays.has(maker))
        for (const service of Object.values(maker.spec.provides ?? {})) changed.add(service);
    for (const plugin of kept.keys())
      if (Object.values(plugin.spec.needs ?? {}).some((service) => changed.has(service))) kept.delete(plugin);
  }
  return kept;
}

/** What the queue and its deliveries stand on lives as long as the process. */
const ROOTS: ReadonlySet<ServiceToken> = new Set<ServiceToken>([
  QueueStore,
  BounceClassifier,
  Clock,
  Chance,
  Identifiers,
  Logger,
  EventSink,
  DeliverySettings,
  ServerIdentity,
]);

/** Throws `restart-needed` where a plugin comes, goes or changes that provides what the queue and its deliveries stand on. */
export function checkRoots(
  active: readonly ResolvedPlugin[],
  kept: ReadonlyMap<ResolvedPlugin, AssembledPlugin>,
  before: Before,
): void {
  const stays = new Set([...kept.values()].map(({ plugin }) => plugin));
  const others = [
    ...active.filter((plugin) => !kept.has(plugin)),
    ...before.plugins.map(({ plugin }) => plugin).filter((plugin) => !stays.has(plugin)),
  ];
  for (const { name, spec } of others) {
    const root = Object.values(spec.provides ?? {}).find((service) => ROOTS.has(service));
    if (root !== undefined)
      throw new PosthouseError(
        'restart-needed',
        `plugin ${name} provides ${tokenName(root)}, which cannot be exchanged while the server runs: restart it`,
      );
  }
}
