// Puts the house together: the only place with a Container. Each plugin is a node whose needs are its edges, so that
// Inversify itself finds the order of set-up and the circles; nothing outside is touched before `start`.

import 'reflect-metadata';
import { Container } from 'inversify';
import { AuthenticatorList, inTurn } from '../authentication/index.ts';
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
} from '../contract/index.ts';
import { bounceTable, checkDestinations, Scheduler } from '../delivery/index.ts';
import { type PlannedPlugin, Routing } from '../hooks/index.ts';
import { Backlog, CommitDesk, Intake, Outbox, QueueDesk } from '../intake/index.ts';
import { TrustedNetworks } from '../reception/index.ts';
import { checkBody } from './body-check.ts';
import { codeTrouble } from './code-trouble.ts';
import { withNoticeFiles } from './configuration/index.ts';
import type { ResolvedDefinition, ResolvedPlugin } from './definition.ts';
import { OwnIdentity } from './identity.ts';
import { checkRoots, keptOf } from './kept-plugins.ts';
import { ObserverHub } from './observers.ts';
import {
  authenticatorsOf,
  keysOf,
  ownMailSigners,
  plannedPlugin,
  receivingPlugins,
  transportsOf,
} from './planned-plugins.ts';
import { checkServices } from './service-check.ts';
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

/** What receiving mail takes. */
export interface ReceivingHouse {
  readonly definition: ResolvedDefinition;
  /** In the order of the plugin list. */
  readonly plugins: readonly AssembledPlugin[];
  /** Those that were set up for this house, in that order: whoever provides a service stands before those who need it. */
  readonly fresh: readonly AssembledPlugin[];
  /** In the order of the plugin list. */
  readonly planned: readonly PlannedPlugin[];
  readonly authenticators: AuthenticatorList;
  readonly intake: Intake;
  readonly events: EventSink;
  readonly identity: OwnIdentity;
}

/** With the queue and its deliveries. */
export interface House extends ReceivingHouse {
  readonly routing: Routing;
  readonly scheduler: Scheduler;
  readonly store: QueueStore;
  readonly outbox: Outbox;
  readonly desk: CommitDesk;
  /** Our own, which stay when the configuration changes; a plugin may count instead. */
  readonly counters: Counters;
  readonly events: ObserverHub;
  /** Where a plugin keeps one. */
  readonly trace: Trace | undefined;
  /** From now on the plugins of this house observe, and its transports carry the mail. */
  moveIn(): void;
}

/** Who sends the mail that plugins write. */
export interface Mailers {
  /** The service as one plugin has it: whose mail it is shows in the trace. */
  of(plugin: string): Mailer;
}

/** What a receiving house has of the thread with the queue. */
export interface Elsewhere {
  readonly events: EventSink;
  readonly counters: Counters;
  readonly mailers: Mailers;
  readonly desk: CommitDesk;
}

type ServiceToken = Token<unknown>;
/** Services that take the place of those which plugins provide: a rehearsal's. */
export type StandIns = ReadonlyMap<ServiceToken, unknown>;

/**
 * Touches nothing outside.
 * @param before a running house of which queue, scheduler and whatever has not changed stay; it is not touched until
 * `moveIn`. Throws `restart-needed` where that is not possible.
 */
export function assemble(
  definition: ResolvedDefinition,
  system: SystemServices,
  before?: House,
  standIns?: StandIns,
): House {
  const hub = before?.events ?? new ObserverHub(system.logger);
  const counters = before?.counters ?? new MemoryCounters(system.clock);
  const { clock, identifiers } = system;
  const outbox = before?.outbox ?? new Outbox({ clock, identifiers, hostname: definition.hostname });
  const parts = { events: hub, counters, mailers: outbox };
  const { container, active, kept, bodies, planned, provided, common } = furnish(
    definition,
    system,
    parts,
    before,
    standIns,
  );
  if (before !== undefined) checkRoots(active, kept, before);
  const transports = transportsOf(planned);
  const carriers = transports.map(({ plugin }) => plugin);
  checkDestinations(definition.delivery, carriers);
  const routing = before?.routing ?? new Routing(transports, hub);
  container.bind(Routing).toConstantValue(routing);
  if (before === undefined) container.bind(Scheduler).toSelf();
  else container.bind(Scheduler).toConstantValue(before.scheduler);
  container.bind(CommitDesk).to(QueueDesk);
  const intake = container.get(Intake);
  return {
    ...common,
    intake,
    outbox,
    events: hub,
    counters,
    desk: container.get<CommitDesk>(CommitDesk),
    routing,
    scheduler: container.get(Scheduler),
    store: container.get<QueueStore>(QueueStore),
    trace: provided.has(Trace) ? container.get<Trace>(Trace) : undefined,
    moveIn() {
      hub.observe(active.map(({ name }, index) => ({ plugin: name, observe: bodies[index]?.observe ?? {} })));
      routing.use(transports);
      outbox.use({ intake, limits: definition.limits, signers: ownMailSigners(planned, bodies) });
    },
  };
}

/** A house that only receives: its mail is kept and its events are told elsewhere. Touches nothing outside. */
export function assembleReceiving(
  definition: ResolvedDefinition,
  system: SystemServices,
  elsewhere: Elsewhere,
  before?: ReceivingHouse,
): ReceivingHouse {
  const { container, active, planned, common } = furnish(definition, system, elsewhere, before);
  container.bind(CommitDesk).toConstantValue(elsewhere.desk);
  const receiving = receivingPlugins(active, planned);
  // One that stays may be needed for the first time: the crew starts whoever is not at work yet.
  const stay = common.plugins.filter((one) => !common.fresh.includes(one));
  const fresh = [...stay, ...common.fresh].filter(({ plugin }) => receiving.has(plugin));
  return { ...common, fresh, intake: container.get(Intake), events: elsewhere.events };
}

/** What both kinds of house have: the services of the system, and the plugins set up with them. */
function furnish(
  definition: ResolvedDefinition,
  system: SystemServices,
  { events, counters, mailers }: Omit<Elsewhere, 'desk'>,
  before: ReceivingHouse | undefined,
  standIns: StandIns = NOTHING,
) {
  const active = definition.plugins.filter(({ mode }) => mode !== 'off');
  const container = new Container({ defaultScope: 'Singleton' });
  const identity = before?.identity ?? new OwnIdentity(definition.hostname);
  const constants: readonly (readonly [ServiceToken, unknown])[] = [
    [Clock, system.clock],
    [Chance, system.chance],
    [Identifiers, system.identifiers],
    [Resolver, system.resolver],
    [Logger, system.logger],
    [EventSink, events],
    [Limits, definition.limits],
    [Deadlines, definition.deadlines],
    [DeliverySettings, withNoticeFiles(definition.delivery)],
    [ServerIdentity, identity],
    [AuthenticationResultsRules, resultsRules(definition)],
    [BounceClassifier, bounceTable],
    [Mailer, mailers],
    [Counters, counters],
  ];
  checkServices(definition.plugins, new Set(constants.map(([service]) => service)));
  const kept = before === undefined ? NOBODY : keptOf(active, before, definition);
  // A plugin may take the place of a service of the system: the resolver, say.
  const provided = new Set(active.flatMap(({ spec }) => Object.values(spec.provides ?? {})));
  for (const [service, value] of constants) {
    if (!provided.has(service) && !standIns.has(service)) container.bind(service).toConstantValue(value);
  }
  for (const [service, value] of standIns) container.bind(service).toConstantValue(value);
  const fresh: AssembledPlugin[] = [];
  const nodes = active.map((plugin) =>
    bindPlugin(container, plugin, kept.get(plugin), { log: system.logger, mailers, standIns }, fresh),
  );
  bindAuthenticators(container, active, nodes);
  const bodies = resolve(container, nodes);
  const plugins = active.map(
    (plugin): AssembledPlugin =>
      kept.get(plugin) ?? (fresh.find((one) => one.plugin === plugin) as AssembledPlugin),
  );
  const planned = active.map((plugin, index) =>
    plannedPlugin(plugin, bodies[index] as AnyPluginBody, definition, system.logger),
  );
  const members = authenticatorsOf(active, planned, bodies, definition);
  const authenticators = new AuthenticatorList(members, system.clock, events);
  container.bind(Intake).toSelf();
  container.bind(Backlog).toConstantValue(new Backlog(definition.limits.unsavedOctets / definition.workers));
  const common = { definition, plugins, fresh, planned, authenticators, identity };
  return { container, active, kept, bodies, planned, provided, common };
}

function resultsRules({ authenticationResults }: ResolvedDefinition): AuthenticationResultsRules {
  const networks = new TrustedNetworks(authenticationResults.trusted, 'authenticationResults.trusted');
  return { authservId: authenticationResults.authservId, trusts: (address) => networks.has(address) };
}

const NOTHING: StandIns = new Map();
const NOBODY: ReadonlyMap<ResolvedPlugin, AssembledPlugin> = new Map();

/** The plugin as a node: its set-up runs once, after that of whoever provides what it needs; or has run already. */
function bindPlugin(
  container: Container,
  plugin: ResolvedPlugin,
  kept: AssembledPlugin | undefined,
  {
    log,
    mailers,
    standIns,
  }: { readonly log: Logger; readonly mailers: Mailers; readonly standIns: StandIns },
  setUp: AssembledPlugin[],
): symbol {
  const { spec, name, config } = plugin;
  const node = Symbol(`plugin ${name}`);
  const needs = Object.entries(spec.needs ?? {});
  const build = (...services: unknown[]): AnyPluginBody => {
    const served = Object.fromEntries(
      needs.map(([key, service], index) => {
        const given = services[index];
        return [key, service === Mailer && given === mailers ? mailers.of(name) : given];
      }),
    );
    const body = bodyOf(plugin, { ...served, config, log: log.child({ plugin: name }) });
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
    if (service === Authenticator || standIns.has(service)) continue;
    container.bind(service).toResolvedValue((body: AnyPluginBody) => body.services?.[key], [node]);
  }
  return node;
}

function bodyOf({ name, spec }: ResolvedPlugin, tools: Parameters<typeof spec.setup>[0]): AnyPluginBody {
  try {
    return spec.setup(tools);
  } catch (error) {
    if (error instanceof PosthouseError) throw error;
    const text = `plugin ${name} failed in its set-up: ${codeTrouble(error)}`;
    throw new PosthouseError('plugin-invalid', text, { cause: error });
  }
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
