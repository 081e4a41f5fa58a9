// What a definition amounts to, before it is put to use: the house, the certificates, and what each listener's sessions
// are served with.

import type { LoginFailures, LoginServices } from '../authentication/index.ts';
import { Authenticator, type EventSink, PosthouseError } from '../contract/index.ts';
import { planFor } from '../hooks/index.ts';
import { type ConnectionContext, type ListenerAuth, TrustedNetworks } from '../reception/index.ts';
import type { House, ReceivingHouse, SystemServices } from './assembly.ts';
import type { ResolvedDefinition } from './definition.ts';
import type { ResolvedListener } from './listener-definition.ts';
import { remedy } from './service-check.ts';
import { Certificates } from './tls/certificates.ts';

export interface Arrangement<H extends ReceivingHouse = House> {
  readonly definition: ResolvedDefinition;
  readonly house: H;
  readonly certificates: Certificates;
  readonly contexts: ReadonlyMap<ResolvedListener, ConnectionContext>;
}

/** What a server keeps whatever its configuration. */
export interface Surroundings {
  readonly system: SystemServices;
  readonly failures: LoginFailures;
  /** Where a certificate of our own is kept when none is configured; undefined: in memory. */
  readonly selfSignedFile: string | undefined;
  /** By which threads resume each other's TLS sessions; undefined: there are no others. */
  readonly ticketSecret?: Uint8Array;
  /** Who hears of certificates. Default: whoever hears of everything else. */
  readonly certificateEvents?: EventSink;
}

/** Touches nothing outside. Throws a PosthouseError when something does not fit together. */
export function arrange<H extends ReceivingHouse>(house: H, surroundings: Surroundings): Arrangement<H> {
  const { definition } = house;
  const { system, failures, selfSignedFile, ticketSecret, certificateEvents = house.events } = surroundings;
  const { tls, hostname, listeners } = definition;
  const certificates = new Certificates(
    tls,
    hostname,
    selfSignedFile,
    system.clock,
    certificateEvents,
    ticketSecret,
  );
  const parts = { definition, house, certificates, failures, system };
  const contexts = new Map(listeners.map((listener) => [listener, contextOf(listener, parts)]));
  return { definition, house, certificates, contexts };
}

interface Parts {
  readonly definition: ResolvedDefinition;
  readonly house: ReceivingHouse;
  readonly certificates: Certificates;
  readonly failures: LoginFailures;
  readonly system: SystemServices;
}

function contextOf(listener: ResolvedListener, parts: Parts): ConnectionContext {
  const { name, tls, tlsRequired, rejectAt, bannerDelay, earlyTalker } = listener;
  const { bareLf, bareCr, nul, binaryMime, futureRelease, protocol, vrfy, dsn, priority } = listener;
  const { definition, house, certificates, system } = parts;
  const { hostname, limits, deadlines } = definition;
  return {
    listener: name,
    hostname,
    tls,
    tlsRequired,
    xclients: listener.xclient && new TrustedNetworks(listener.xclient, `listener ${name}: xclient`),
    proxies: listener.proxy && new TrustedNetworks(listener.proxy, `listener ${name}: proxy`),
    rejectAt,
    bannerDelay,
    earlyTalker,
    ...authOf(listener, parts),
    body: { bareLf, bareCr, nul },
    protocol,
    vrfy,
    dsn,
    priority,
    binaryMime,
    futureRelease,
    limits,
    deadlines,
    clock: system.clock,
    secure: tls === 'none' ? undefined : certificates.forListener(listener),
    plan: planFor(name, house.planned),
    intake: house.intake,
    events: house.events,
    log: system.logger.child({ listener: name }),
  };
}

/** How clients of a listener authenticate, and who is asked about them. */
function authOf(
  { name, auth, authWithoutTls, authMechanisms }: ResolvedListener,
  { house, failures, system }: Parts,
): { readonly auth: ListenerAuth | undefined; readonly login: LoginServices | undefined } {
  if (auth === 'none') return { auth: undefined, login: undefined };
  const authenticators = house.authenticators.on(name);
  const possible = authenticators.possible();
  if (possible.length === 0) {
    const text = `nothing provides the service Authenticator: listener ${name} has auth: ${auth}; ${remedy(Authenticator, house.definition.plugins)}`;
    throw new PosthouseError('service-missing', text);
  }
  const impossible = (authMechanisms ?? []).filter((mechanism) => !possible.includes(mechanism));
  if (impossible.length > 0) {
    const text = `no Authenticator of listener ${name} can verify ${impossible.join(', ')}; possible are ${possible.join(', ')}`;
    throw new PosthouseError('config-invalid', text);
  }
  return {
    auth: {
      required: auth === 'required',
      withoutTls: authWithoutTls,
      mechanisms: () => authMechanisms ?? authenticators.mechanisms(),
    },
    login: { authenticators, failures, clock: system.clock, events: house.events },
  };
}
