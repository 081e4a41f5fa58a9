// The door of reception/: listeners and the connections on them.

export { Admission } from './admission.ts';
export { Connection, type ConnectionContext } from './connection.ts';
export { Listener, type ListenerAddress } from './listener.ts';
export type { ListenerTls } from './secure-socket.ts';
export { TrustedNetworks } from './trusted-networks.ts';
