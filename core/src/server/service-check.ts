// Whether the plugins of a list fit together, before their set-up: which services are missing or doubled.

import { Authenticator, PosthouseError, QueueStore, type Token, tokenName } from '../contract/index.ts';
import type { ResolvedPlugin } from './definition.ts';

type ServiceToken = Token<unknown>;

/** Missing and doubled services, named with who needs and who provides them. */
export function checkServices(plugins: readonly ResolvedPlugin[], fromCore: ReadonlySet<ServiceToken>): void {
  const makers = new Map<ServiceToken, string>();
  for (const { name, spec } of plugins) {
    for (const service of Object.values(spec.provides ?? {})) {
      const other = makers.get(service);
      if (other !== undefined && service !== Authenticator) {
        const text = `${tokenName(service)} is provided by ${other} and by ${name}; remove one of them from the plugin list`;
        throw new PosthouseError('service-doubled', text);
      }
      makers.set(service, name);
    }
  }
  for (const { name, spec } of plugins) {
    for (const service of Object.values(spec.needs ?? {})) {
      if (!makers.has(service) && !fromCore.has(service)) throw missing(service, `plugin ${name} needs it`);
    }
  }
  if (!makers.has(QueueStore)) throw missing(QueueStore, 'the server needs it');
}

function missing(service: ServiceToken, who: string): PosthouseError {
  const hint = service === QueueStore ? '; add @posthouse/store-sqlite to the plugin list' : '';
  return new PosthouseError(
    'service-missing',
    `nothing provides the service ${tokenName(service)}: ${who}${hint}`,
  );
}
