// The door of rehearsal/: one message, tried out with a configuration, and nothing stays.

export type { Leg } from '../../delivery/index.ts';
export type { Call, SaidVerdict } from './call-recorder.ts';
export {
  type Fate,
  type Rehearsal,
  type RehearsalOptions,
  type RehearsedClient,
  rehearse,
} from './rehearsal.ts';
export type { Step } from './rehearsed-dialogue.ts';
