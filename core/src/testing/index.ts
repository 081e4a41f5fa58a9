// @posthouse/core/testing: one plugin (mount), a whole house (openHouse), dialogues, fakes and contracts.

export { NoteBook } from '../hooks/index.ts';
export { connectedPair } from '../server/in-process-socket.ts';
export { authMemory, type MemoryUsersOptions } from './auth-memory.ts';
export { type CrashableQueue, crashableQueue } from './crashable-queue.ts';
export { type DeliveredMessage, deliverMemory, type MemoryTransport } from './deliver-memory.ts';
export { type FakeClock, fakeChance, fakeClock } from './fake-clock.ts';
export { fakeResolver } from './fake-resolver.ts';
export { type HouseOptions, type OpenHouse, openHouse } from './house.ts';
export { type MountedPlugin, mount } from './mount.ts';
export { type PluginContractOptions, pluginContract } from './plugin-contract.ts';
export { type OpenedStore, queueStoreContract } from './queue-store-contract.ts';
export { type LoggedLine, type RecordingLogger, recordingLogger } from './recording-logger.ts';
export { type RecordingMailer, recordingMailer } from './recording-mailer.ts';
export {
  type HeardSession,
  type Reaction,
  type Script,
  type ScriptedHop,
  scriptedHop,
} from './scripted-hop.ts';
export { type DialogueLine, holdDialogue, matches, parseDialogue, type Stage } from './transcript.ts';
