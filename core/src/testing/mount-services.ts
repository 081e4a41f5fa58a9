// The services of a plugin that stands by itself: fakes where there are any, and what the test gives.

import {
  type AnyPluginSpec,
  AuthenticationResultsRules,
  BounceClassifier,
  Chance,
  Clock,
  Counters,
  EventSink,
  Identifiers,
  Logger,
  Mailer,
  Resolver,
  ServerIdentity,
  type Token,
  tokenName,
} from '../contract/index.ts';
import { systemIdentifiers } from '../server/system/identifiers.ts';
import { MemoryCounters } from '../server/system/memory-counters.ts';
import { type FakeClock, fakeChance } from './fake-clock.ts';
import { fakeResolver } from './fake-resolver.ts';
import { recordingMailer } from './recording-mailer.ts';

export const SILENT: EventSink = { wants: () => false, emit: () => {} };

/** @param services by the plugin's own names; what it needs besides them is a fake. */
export function servicesFor(
  { name, needs = {} }: AnyPluginSpec,
  services: Readonly<Record<string, unknown>>,
  log: Logger,
  clock: FakeClock,
): Record<string, unknown> {
  const fakes = fakesWith(log, (services.clock as Clock | undefined) ?? clock);
  return Object.fromEntries(
    Object.entries(needs).map(([key, token]) => {
      const service = services[key] ?? fakes.get(token);
      if (service === undefined) throw new TypeError(`mount: ${name} needs ${tokenName(token)}; give it one`);
      return [key, service];
    }),
  );
}

function fakesWith(log: Logger, clock: Clock): ReadonlyMap<Token<unknown>, unknown> {
  const chance = fakeChance(0.5);
  return new Map<Token<unknown>, unknown>([
    [Clock, clock],
    [Chance, chance],
    [Resolver, fakeResolver({})],
    [Logger, log],
    [EventSink, SILENT],
    [Identifiers, systemIdentifiers(clock, chance)],
    [Counters, new MemoryCounters(clock)],
    [Mailer, recordingMailer()],
    [ServerIdentity, { hostname: 'house.example', isSelf: () => false } satisfies ServerIdentity],
    [BounceClassifier, { classify: () => 'other' } satisfies BounceClassifier],
    [
      AuthenticationResultsRules,
      { authservId: 'house.example', trusts: () => false } satisfies AuthenticationResultsRules,
    ],
  ]);
}
