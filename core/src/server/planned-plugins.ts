// What the plugins are to hooks, routing and listeners once they are set up: handlers with their scope, transports,
// Authenticators. Which of them have to do with receiving mail. Pure.

import type { ListedAuthenticator } from '../authentication/index.ts';
import {
  type AnyPluginBody,
  Authenticator,
  type Logger,
  PosthouseError,
  QueueStore,
  type Token,
  Trace,
  tokenName,
} from '../contract/index.ts';
import type { PlannedPlugin, Transport } from '../hooks/index.ts';
import type { OutboxParts } from '../intake/index.ts';
import type { ResolvedDefinition, ResolvedPlugin } from './definition.ts';

export function plannedPlugin(
  plugin: ResolvedPlugin,
  body: AnyPluginBody,
  { deadlines }: ResolvedDefinition,
  log: Logger,
): PlannedPlugin {
  return {
    name: plugin.name,
    hooks: body.hooks ?? {},
    on: plugin.on,
    mode: plugin.mode === 'observe' ? 'observe' : 'enforce',
    onError: plugin.onError,
    timeout: plugin.timeout ?? deadlines.hook,
    log: log.child({ plugin: plugin.name }),
  };
}

/** A plugin that only observes signs nothing. */
export function ownMailSigners(
  planned: readonly PlannedPlugin[],
  bodies: readonly AnyPluginBody[],
): OutboxParts['signers'] {
  return planned.flatMap(({ name, mode, onError, timeout }, index) => {
    const sign = bodies[index]?.ownMailSigner;
    return sign === undefined || mode === 'observe'
      ? []
      : [{ sign, author: { plugin: name, onError, timeout } }];
  });
}

/** `on` and `mode` are the dialogue's; a plugin that only observes carries no mail. */
export function transportsOf(planned: readonly PlannedPlugin[]): readonly Transport[] {
  return planned.flatMap(({ name, hooks, mode, log }) => {
    const handler = hooks['on-deliver'];
    return handler === undefined || mode === 'observe' ? [] : [{ plugin: name, handler, log }];
  });
}

/** For the listeners: with the plugin's own scope. One that only observes lets nobody in. */
export function authenticatorsOf(
  plugins: readonly ResolvedPlugin[],
  planned: readonly PlannedPlugin[],
  bodies: readonly AnyPluginBody[],
  { deadlines }: ResolvedDefinition,
): readonly ListedAuthenticator[] {
  return plugins.flatMap(({ spec, name, on, mode, timeout }, index) => {
    if (mode === 'observe') return [];
    const log = (planned[index] as PlannedPlugin).log;
    return keysOf(spec, Authenticator).map((key) => ({
      plugin: name,
      authenticator: bodies[index]?.services?.[key] as Authenticator,
      on,
      timeout: timeout ?? deadlines.authenticator,
      log,
    }));
  });
}

/** The names under which a plugin provides a service. */
export function keysOf({ provides }: ResolvedPlugin['spec'], wanted: Token<unknown>): readonly string[] {
  return Object.entries(provides ?? {}).flatMap(([key, service]) => (service === wanted ? [key] : []));
}

/** Asked while a message comes in. */
const RECEIVING = ['on-connect', 'on-mail-from', 'on-rcpt', 'on-data'] as const;

/**
 * The plugins that receiving mail takes: those with a hook of the dialogue, the Authenticators, and whoever provides a
 * service that one of them needs.
 */
export function receivingPlugins(
  plugins: readonly ResolvedPlugin[],
  planned: readonly PlannedPlugin[],
): ReadonlySet<ResolvedPlugin> {
  const chosen = new Set(
    plugins.filter(
      (plugin, index) =>
        RECEIVING.some((hook) => planned[index]?.hooks[hook] !== undefined) ||
        keysOf(plugin.spec, Authenticator).length > 0,
    ),
  );
  // A set that grows while it is walked: those that are added are visited too.
  for (const { spec } of chosen) {
    const needs = new Set(Object.values(spec.needs ?? {}));
    for (const maker of plugins)
      if (Object.values(maker.spec.provides ?? {}).some((service) => needs.has(service))) chosen.add(maker);
  }
  return chosen;
}

/** Services that only the thread with the queue has. */
const AT_HOME: readonly Token<unknown>[] = [QueueStore, Trace];

/** Throws `config-invalid` where a plugin cannot do its part in a worker. @param planned of the plugins that are not off */
export function checkForWorkers(plugins: readonly ResolvedPlugin[], planned: readonly PlannedPlugin[]): void {
  const active = plugins.filter(({ mode }) => mode !== 'off');
  for (const { name, spec } of receivingPlugins(active, planned)) {
    const missing = Object.values(spec.needs ?? {}).find((service) => AT_HOME.includes(service));
    if (missing === undefined) continue;
    const text = `workers: plugin ${name} needs ${tokenName(missing)} while mail comes in, which is only in the thread with the queue; set workers: 1`;
    throw new PosthouseError('config-invalid', text);
  }
}
