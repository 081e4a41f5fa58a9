// What the operator and the plugins allow, in the words in which the agenda asks for it.

import type { Chance, DeliverySettings, EventSink, Lane } from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import { DestinationRules } from './destination-rules.ts';
import type { LaneRules } from './throttle.ts';

export interface AgendaLimits {
  /** Items in memory. */
  readonly window: number;
  /** Octets of fresh messages in memory. */
  readonly windowBytes: number;
  /** The first rest of a lane whose destination nobody reaches, milliseconds. */
  readonly laneRest: number;
  readonly rules: (lane: Lane) => LaneRules;
  /** With whom a lane shares its limits whose mail goes to these hosts; the same key for all of them. */
  readonly groupOf?: (
    lane: Lane,
    hosts: readonly string[],
  ) => { readonly key: string; readonly rules: LaneRules };
  /** In [0, 1): what rested together does not come back together. */
  readonly chance: () => number;
  /** A destination cannot be reached and rests. */
  readonly rested?: (lane: Lane, failures: number, until: number) => void;
  /** It has been reached after so many rests. */
  readonly recovered?: (lane: Lane, failures: number) => void;
  /** Attempts that run at a time and end soon. */
  readonly concurrency: number;
  /** Attempts that run at a time and take long. */
  readonly slowConcurrency: number;
}

export function agendaLimits(
  settings: DeliverySettings,
  routing: Routing,
  chance: Chance,
  events: EventSink,
): AgendaLimits {
  const destinations = new DestinationRules(settings.destinations ?? []);
  const connectionsOf = ({ transport }: Lane): number => {
    const own = transport === null ? undefined : routing.transport(transport)?.handler.laneConcurrency;
    return Math.max(1, own ?? settings.laneConcurrency);
  };
  return {
    window: settings.window,
    windowBytes: settings.windowBytes,
    laneRest: settings.laneRest,
    concurrency: settings.concurrency,
    slowConcurrency: settings.slowConcurrency,
    rules: (lane) => destinations.rulesFor(lane, connectionsOf(lane)),
    groupOf: (lane, hosts) => destinations.groupOf(lane, hosts, connectionsOf(lane)),
    chance: () => chance.next(),
    rested: ({ transport, destination }, failures, until) =>
      events.emit('destination-rested', { transport, destination, failures, until }),
    recovered: ({ transport, destination }, failures) =>
      events.emit('destination-recovered', { transport, destination, failures }),
  };
}
