// What the connections of a listener have in common: its settings, and the rooms that they hand mail and questions to.

import type { LoginServices } from '../authentication/index.ts';
import type { Clock, Deadlines, EventSink, Limits, Logger, Priority } from '../contract/index.ts';
import type { ListenerPlan } from '../hooks/index.ts';
import type { Intake } from '../intake/index.ts';
import type { BodyPolicy } from '../smtp/index.ts';
import type { ListenerAuth } from './auth-options.ts';
import type { ListenerTls } from './secure-socket.ts';
import type { TrustedNetworks } from './trusted-networks.ts';

/** What all connections of one listener share. */
export interface ConnectionContext {
  readonly listener: string;
  readonly hostname: string;
  readonly tls: 'none' | 'starttls' | 'implicit';
  /** Who must put a PROXY header in front of each connection; undefined where clients come themselves. */
  readonly proxies: TrustedNetworks | undefined;
  /** Who may use XCLIENT and XFORWARD; undefined where nobody may, and they are not known. */
  readonly xclients: TrustedNetworks | undefined;
  readonly tlsRequired: boolean;
  /** Undefined where `tls` is none. */
  readonly secure: ListenerTls | undefined;
  readonly rejectAt: 'at-once' | 'rcpt';
  /** Milliseconds. */
  readonly bannerDelay: number;
  readonly earlyTalker: 'ignore' | 'reject';
  /** How clients may authenticate; undefined where they cannot. */
  readonly auth: ListenerAuth | undefined;
  readonly login: LoginServices | undefined;
  /** What is done with bare line ends and NUL in messages (RFC 5321 §2.3.8). */
  readonly body: BodyPolicy;
  /** `lmtp`: RFC 2033, with an answer for each recipient. */
  readonly protocol: 'smtp' | 'lmtp';
  readonly vrfy: 'cannot-verify' | 'off';
  readonly dsn: 'on' | 'authenticated' | 'off';
  readonly priority: Priority;
  /** BINARYMIME is offered (RFC 3030). */
  readonly binaryMime: boolean;
  /** Milliseconds that authenticated clients may have a message held (RFC 4865); undefined: not at all. */
  readonly futureRelease: number | undefined;
  readonly plan: ListenerPlan;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Logger;
}
