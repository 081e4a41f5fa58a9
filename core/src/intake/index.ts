// The door of intake/: from body octets to the durable commit.

export { IncomingMessage } from './incoming-message.ts';
export { Intake, type Submission, type SubmissionAnswer } from './intake.ts';
export { MemoryStore } from './memory-store.ts';
export { Outbox, type OutboxParts } from './outbox.ts';
