// The door of reception/: listeners and the connections on them.

export { Admission } from './admission.ts';
export type { ListenerAuth } from './auth-options.ts';
export { Connection } from './connection.ts';
export type { ConnectionContext } from './connection-context.ts';
export { type FailureEntry, FailureTable, type LoginFailure, type SharedFailures } from './failure-table.ts';
export { Listener, type ListenerAddress } from './listener.ts';
export { networkOf, unmapped } from './networks.ts';
export type { ListenerTls } from './secure-socket.ts';
export { minuteOf, OwnTallies, type Tallies, type Tally, withinMinute } from './tallies.ts';
export { LOCAL_NETWORKS, TrustedNetworks } from './trusted-networks.ts';
