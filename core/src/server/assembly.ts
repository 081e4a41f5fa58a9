// Puts the house together: the only place with a Container. Each plugin is a node whose needs are its edges, so that
// Inversify itself finds the order of set-up and the circles; nothing outside is touched before `start`.

import 'reflect-metadata';
import { Container } from 'inversify';
import { AuthenticatorList, inTurn, type ListedAuthenticator } from '../authentication/index.ts';
import {
  type AnyPluginBody,
  AuthenticationResultsRules,
  Authenticator,
  BounceClassifier,
  Chance,
  Clock,
  Counters,
  Deadlines,
  DeliverySettings,
  EventSink,
  Identifiers,
  Limits,
  Logger,
  Mailer,
  PosthouseError,
  QueueStore,
  Resolver,
  ServerIdentity,
  type Token,
  Trace,
  tokenName,
} from '../contract/index.ts';
import { bounceTable, Scheduler } from '../delivery/index.ts';
import { type PlannedPlugin, Routing, type Transport } from '../hooks/index.ts';
import { Intake, Outbox, type OutboxParts } from '../intake/index.ts';
import { TrustedNetworks } from '../reception/index.ts';
import { withNoticeFiles } from './configuration/index.ts';
import type { ResolvedDefinition, ResolvedPlugin } from './definition.ts';
import { OwnIdentity } from './identity.ts';
import { checkRoots, keptOf } from './kept-plugins.ts';
import { ObserverHub } from './observers.ts';
import { MemoryCounters } from './system/memory-counters.ts';

/** What a server takes from the world, as arguments. */
export interface SystemServices {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly identifiers: Identifiers;
  readonly resolver: Resolver;
  readonly logger: Logger;
}

/** A plugin after its set-up. */
export interface AssembledPlugin {
  readonly name: string;
  readonly plugin: ResolvedPlugin;
  readonly body: AnyPluginBody;
}

export interface House {
  readonly definition: ResolvedDefinition;
  /** In the order of the plugin list. */
  readonly plugins: readonly AssembledPlugin[];
  /** Those that were set up for this house, in that order: whoever provides a service stands before those who need it. */
  readonly fresh: readonly AssembledPlugin[];
  /** In the order of the plugin list. */
  readonly planned: readonly PlannedPlugin[];
  readonly routing: Routing;
  readonly authenticators: AuthenticatorList;
  readonly scheduler: Scheduler;
  readonly intake: Intake;
  readonly store: QueueStore;
  readonly events: ObserverHub;
  readonly identity: OwnIdentity;
  readonly outbox: Outbox;
  /** Where a plugin keeps one. */
  readonly trace: Trace | undefined;
  /** From now on the plugins of this house observe, and its transports carry the mail. */
  moveIn(): void;
}

type ServiceToken = Token<unknown>;

/**
 * Touches nothing outside.
 * @param before a running house of which queue, scheduler and whatever has not changed stay; it is not touched until
 * `moveIn`. Throws `restart-needed` where that is not possible.
 */
export function assemble(definition: ResolvedDefinition, system: SystemServices, before?: House): House {
  const active = definition.plugins.filter(({ mode }) => mode !== 'off');
  const container = new Container({ defaultScope: 'Singleton' });
  const hub = before?.events ?? new ObserverHub(system.logger);
  const identity = before?.identity ?? new OwnIdentity(definition.hostname);
  const outbox =
    before?.outbox ??
    new Outbox({ clock: system.clock, identifiers: system.identifiers, hostname: definition.hostname });
  const constants: readonly (readonly [ServiceToken, unknown])[] = [
    [Clock, system.clock],
    [Chance, system.chance],
    [Identifiers, system.identifiers],
    [Resolver, system.resolver],
    [Logger, system.logger],
    [EventSink, hub],
    [Limits, definition.limits],
    [Deadlines, definition.deadlines],
    [DeliverySettings, withNoticeFiles(definition.delivery)],
    [ServerIdentity, identity],
    [AuthenticationResultsRules, resultsRules(definition)],
    [BounceClassifier, bounceTable],
    [Mailer, outbox],
    [Counters, new MemoryCounters(system.clock)],
  ];
  checkServices(active, new Set(constants.map(([service]) => service)));
  const kept = before === undefined ? NOBODY : keptOf(active, before, definition);
  if (before !== undefined) checkRoots(active, kept, before);

  // A plugin may take the place of a service of the system: the resolver, say.
  const provided = new Set(active.flatMap(({ spec }) => Object.values(spec.provides ?? {})));
  for (const [service, value] of constants) {
    if (!provided.has(service)) container.bind(service).toConstantValue(value);
  }
  const fresh: AssembledPlugin[] = [];
  const nodes = active.map((plugin) => bindPlugin(container, plugin, kept.get(plugin), system.logger, fresh));
  bindAuthenticators(container, active, nodes);
  const bodies = resolve(container, nodes);
  const plugins = active.map(
    (plugin): AssembledPlugin =>
      kept.get(plugin) ?? (fresh.find((one) => one.plugin === plugin) as AssembledPlugin),
  );

  const planned = active.map((plugin, index) =>
    plannedPlugin(plugin, bodies[index] as AnyPluginBody, definition, system.logger),
  );
  const transports = transportsOf(planned);
  const routing = before?.routing ?? new Routing(transports, hub);
  container.bind(Routing).toConstantValue(routing);
  if (before === undefined) container.bind(Scheduler).toSelf();
  else container.bind(Scheduler).toConstantValue(before.scheduler);
  container.bind(Intake).toSelf();
  const intake = container.get(Intake);
  return {
    definition,
    plugins,
    fresh,
    planned,
    routing,
    authenticators: new AuthenticatorList(
      authenticatorsOf(active, planned, bodies, definition),
      system.clock,
      hub,
    ),
    scheduler: container.get(Scheduler),
    intake,
    store: container.get<QueueStore>(QueueStore),
    events: hub,
    identity,
    outbox,
    trace: provided.has(Trace) ? container.get<Trace>(Trace) : undefined,
    moveIn() {
      hub.observe(active.map(({ name }, index) => ({ plugin: name, observe: bodies[index]?.observe ?? {} })));
      routing.use(transports);
      outbox.use({ intake, limits: definition.limits, signers: ownMailSigners(planned, bodies) });
    },
  };
}

function resultsRules({ authenticationResults }: ResolvedDefinition): AuthenticationResultsRules {
  const networks = new TrustedNetworks(authenticationResults.trusted, 'authenticationResults.trusted');
  return { authservId: authenticationResults.authservId, trusts: (address) => networks.has(address) };
}

const NOBODY: ReadonlyMap<ResolvedPlugin, AssembledPlugin> = new Map();

/** The plugin as a node: its set-up runs once, after that of whoever provides what it needs; or has run already. */
function bindPlugin(
  container: Container,
  plugin: ResolvedPlugin,
  kept: AssembledPlugin | undefined,
  log: Logger,
  setUp: AssembledPlugin[],
): symbol {
  const { spec, name, config } = plugin;
  const node = Symbol(`plugin ${name}`);
  const needs = Object.entries(spec.needs ?? {});
  const build = (...services: unknown[]): AnyPluginBody => {
    const served = Object.fromEntries(
      needs.map(([key], index) => {
        const service = services[index];
        // Whose mail it is shows in the trace.
        return [key, service instanceof Outbox ? service.of(name) : service];
      }),
    );
    const body = spec.setup({ ...served, config, log: log.child({ plugin: name }) });
    checkBody(plugin, body);
    setUp.push({ name, plugin, body });
    return body;
  };
  if (kept !== undefined) container.bind<AnyPluginBody>(node).toConstantValue(kept.body);
  else
    container.bind<AnyPluginBody>(node).toResolvedValue(
      build,
      needs.map(([, service]) => service),
    );
  for (const [key, service] of Object.entries(spec.provides ?? {})) {
    if (service === Authenticator) continue;
    container.bind(service).toResolvedValue((body: AnyPluginBody) => body.services?.[key], [node]);
  }
  return node;
}

/** The one service that several plugins may provide: whoever needs it gets them all as one, in plugin order. */
function bindAuthenticators(
  container: Container,
  plugins: readonly ResolvedPlugin[],
  nodes: readonly symbol[],
): void {
  const makers = plugins.flatMap(({ spec }, index) =>
    keysOf(spec, Authenticator).map((key) => ({ key, node: nodes[index] as symbol })),
  );
  if (makers.length === 0) return;
  container.bind(Authenticator).toResolvedValue(
    (...bodies: AnyPluginBody[]) =>
      inTurn(makers.map(({ key }, index) => bodies[index]?.services?.[key] as Authenticator)),
    makers.map(({ node }) => node),
  );
}

/** For the listeners: with the plugin's own scope. One that only observes lets nobody in. */
function authenticatorsOf(
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
function keysOf({ provides }: ResolvedPlugin['spec'], wanted: ServiceToken): readonly string[] {
  return Object.entries(provides ?? {}).flatMap(([key, service]) => (service === wanted ? [key] : []));
}

function resolve(container: Container, nodes: readonly symbol[]): readonly AnyPluginBody[] {
  try {
    return nodes.map((node) => container.get<AnyPluginBody>(node));
  } catch (error) {
    if (error instanceof PosthouseError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    if (/circular/i.test(text)) throw new PosthouseError('service-circular', text, { cause: error });
    throw new PosthouseError('plugin-invalid', `a plugin failed in its set-up: ${text}`, { cause: error });
  }
}

/** Missing and doubled services, named with who needs and who provides them. */
function checkServices(plugins: readonly ResolvedPlugin[], fromCore: ReadonlySet<ServiceToken>): void {
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

function checkBody({ name, spec }: ResolvedPlugin, body: unknown): void {
  if (typeof body !== 'object' || body === null || body instanceof Promise) {
    const what =
      body instanceof Promise ? 'a promise; setup wires at once, start may be async' : String(body);
    throw new PosthouseError('plugin-invalid', `setup of plugin ${name} returned ${what}`);
  }
  const services = (body as AnyPluginBody).services ?? {};
  for (const [key, service] of Object.entries(spec.provides ?? {})) {
    if (services[key] === undefined) {
      const text = `plugin ${name} promises the service ${tokenName(service)}, but setup returned no services.${key}`;
      throw new PosthouseError('plugin-invalid', text);
    }
  }
}

function plannedPlugin(
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
function ownMailSigners(
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
function transportsOf(planned: readonly PlannedPlugin[]): readonly Transport[] {
  return planned.flatMap(({ name, hooks, mode, log }) => {
    const handler = hooks['on-deliver'];
    return handler === undefined || mode === 'observe' ? [] : [{ plugin: name, handler, log }];
  });
}
