// Whether the plugins of a list fit together, before their set-up: which services are missing or doubled, who needs them,
// and who could provide them.

import { Authenticator, PosthouseError, QueueStore, type Token, tokenName } from '../contract/index.ts';
import { nearest } from './configuration/index.ts';
import type { ResolvedPlugin } from './definition.ts';
import { providersOf } from './service-providers.ts';

type ServiceToken = Token<unknown>;

/** @param all the whole list, also the plugins that are off. Throws `service-doubled` or `service-missing` */
export function checkServices(all: readonly ResolvedPlugin[], fromCore: ReadonlySet<ServiceToken>): void {
  const plugins = all.filter(({ mode }) => mode !== 'off');
  const makers = new Map<ServiceToken, string>();
  for (const { name, spec } of plugins) {
    for (const service of servicesIn(spec.provides)) {
      const other = makers.get(service);
      if (other !== undefined && service !== Authenticator) {
        const text = `${tokenName(service)} is provided by ${other} and by ${name}; remove one of them from the plugin list`;
        throw new PosthouseError('service-doubled', text);
      }
      makers.set(service, name);
    }
  }
  const needed = new Map<ServiceToken, string[]>([[QueueStore, ['the server']]]);
  for (const { name, spec } of plugins)
    for (const service of servicesIn(spec.needs))
      needed.set(service, [...(needed.get(service) ?? []), `plugin ${name}`]);
  const known = [...makers.keys(), ...fromCore, ...providersOf.keys()];
  for (const [service, who] of needed)
    if (!makers.has(service) && !fromCore.has(service)) throw missing(service, who, all, known);
}

/** @param who needs it */
function missing(
  service: ServiceToken,
  who: readonly string[],
  all: readonly ResolvedPlugin[],
  known: readonly ServiceToken[],
): PosthouseError {
  const needs = `${listed(who, 'and')} ${who.length === 1 ? 'needs' : 'need'} it`;
  const text = `nothing provides the service ${tokenName(service)}: ${needs}; ${remedy(service, all, known)}`;
  return new PosthouseError('service-missing', text);
}

/** What puts a missing service into its place: a plugin that is off, one of ours, another name, or somebody else's. */
export function remedy(
  service: ServiceToken,
  all: readonly ResolvedPlugin[],
  known: readonly ServiceToken[] = [],
): string {
  const off = all.find(({ mode, spec }) => mode === 'off' && servicesIn(spec.provides).includes(service));
  if (off !== undefined) return `plugin ${off.name} would provide it, and has mode: off`;
  const ours = providersOf.get(service);
  if (ours !== undefined) return `add ${listed(ours, 'or')} to the plugin list`;
  const near = nearest(tokenName(service), known.map(tokenName));
  if (near !== undefined) return `did its author mean ${near}?`;
  return 'no plugin of Posthouse provides it: add the plugin that does to the plugin list';
}

function servicesIn(tokens: Readonly<Record<string, ServiceToken>> = {}): readonly ServiceToken[] {
  return Object.values(tokens);
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}
