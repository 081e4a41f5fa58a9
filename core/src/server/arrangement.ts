// What a definition amounts to, before it is put to use: the house, the certificates, and what each listener's sessions
// are served with.

import type { LoginServices } from '../authentication/index.ts';
import { PosthouseError } from '../contract/index.ts';
import { planFor } from '../hooks/index.ts';
import {
  type ConnectionContext,
  type FailureTable,
  type ListenerAuth,
  TrustedNetworks,
} from '../reception/index.ts';
import { assemble, type House, type SystemServices } from './assembly.ts';
import type { ResolvedDefinition } from './definition.ts';
import type { ResolvedListener } from './listener-definition.ts';
import { Certificates } from './tls/certificates.ts';

export interface Arrangement {
  readonly definition: ResolvedDefinition;
  readonly house: House;
  readonly certificates: Certificates;
  readonly contexts: ReadonlyMap<ResolvedListener, ConnectionContext>;
}

/**
 * Touches nothing outside. Throws a PosthouseError when something does not fit together.
 * @param selfSignedFile where a certificate of our own is kept when none is configured; undefined: in memory
 * @param before the house that this one is to follow while the server runs
 */
export function arrange(
  definition: ResolvedDefinition,
  system: SystemServices,
  failures: FailureTable,
  selfSignedFile: string | undefined,
  before?: House,
): Arrangement {
  const house = assemble(definition, system, before);
  const { tls, hostname, listeners } = definition;
  const certificates = new Certificates(tls, hostname, selfSignedFile, system.clock, house.events);
  const parts = { definition, house, certificates, failures, system };
  const contexts = new Map(listeners.map((listener) => [listener, contextOf(listener, parts)]));
  return { definition, house, certificates, contexts };
}

interface Parts {
  readonly definition: ResolvedDefinition;
  readonly house: House;
  readonly certificates: Certificates;
  readonly failures: FailureTable;
  readonly system: SystemServices;
}

function contextOf(listener: ResolvedListener, parts: Parts): ConnectionContext {
  const { name, tls, tlsRequired, rejectAt, bannerDelay, earlyTalker } = listener;
  const { bareLf, bareCr, nul, binaryMime, protocol, vrfy, dsn } = listener;
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
    binaryMime,
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
    const text = `nothing provides the service Authenticator: listener ${name} has auth: ${auth}; add a plugin such as @posthouse/auth-file to the plugin list`;
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
