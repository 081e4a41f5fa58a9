// @posthouse/core: the public face, in reading order. Plugins need nothing else.

export * from './contract/index.ts';
export { LOCAL_NETWORKS, networkOf, TrustedNetworks, unmapped } from './reception/index.ts';
export {
  defineServer,
  type PluginEntry,
  type ResolvedDefinition,
  type ServerDefinition,
} from './server/definition.ts';
export type { ListenerDefinition } from './server/listener-definition.ts';
export { createServer, type Server } from './server/server.ts';
export { storeMemory } from './server/store-memory.ts';
export {
  describeStatus,
  isPermanentStatus,
  isTransientStatus,
  Mailbox,
  type MailParameters,
  mailbox,
  mailDate,
  type PermanentStatus,
  parseMailbox,
  type RcptParameters,
  type ReversePath,
  type ScramKeys,
  type TransientStatus,
} from './smtp/index.ts';
