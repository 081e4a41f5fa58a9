// The door of intake/: from body octets to the durable commit.

export { Backlog } from './backlog.ts';
export { CommitDesk, type ReadyMessage } from './commit-desk.ts';
export type { Fate } from './disposition.ts';
export type { Fated } from './envelope-edits.ts';
export { IncomingMessage } from './incoming-message.ts';
export { Intake, type Submission, type SubmissionAnswer } from './intake.ts';
export { MemoryStore } from './memory-store.ts';
export { Outbox, type OutboxParts } from './outbox.ts';
export { QueueDesk } from './queue-desk.ts';
