// What the operator and the plugins allow, in the words in which the agenda asks for it.

import type { Chance, DeliverySettings, EventSink, Lane } from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import type { AgendaLimits } from './agenda.ts';
import { DestinationRules } from './destination-rules.ts';

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
