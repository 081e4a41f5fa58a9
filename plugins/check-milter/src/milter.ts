// One milter of the configuration, with what holds for it.

import type { Config } from './config.ts';
import { type Place, placeOf } from './place.ts';
import { ACTION, type ActionName } from './protocol.ts';

export interface Milter {
  readonly name: string;
  readonly at: string;
  readonly place: Place;
  readonly unavailable: 'defer' | 'pass' | 'reject';
  readonly from: 'connect' | 'mail' | 'data';
  readonly actions: readonly ActionName[];
  /** Connections that are open. */
  connections: number;
}

/** Throws where an address is none. */
export function miltersOf(config: Config): readonly Milter[] {
  return config.milters.map(({ at, name, unavailable, from, actions }, index) => {
    const place = placeOf(at);
    if (place === undefined)
      throw new TypeError(
        `milters[${index}].at: ${JSON.stringify(at)} is neither a path nor host:port, unix:/path or inet:port@host`,
      );
    return {
      name: name ?? `milter${index + 1}`,
      at,
      place,
      unavailable: unavailable ?? config.unavailable,
      from: from ?? config.from,
      actions: actions ?? (Object.keys(ACTION) as ActionName[]),
      connections: 0,
    };
  });
}
