// What the thread with the queue and its receiving workers say to each other. Plain data only.

import type {
  CounterRequest,
  EventName,
  MessageRecord,
  Overrun,
  OwnMail,
  Priority,
} from '../../contract/index.ts';
import type { Fate } from '../../intake/index.ts';
import type { FailureEntry, ListenerAddress, LoginFailure } from '../../reception/index.ts';
import type { RcptParameters } from '../../smtp/index.ts';
import type { ReportedLog } from './remote-logger.ts';

/** What a thread is born with. */
export interface WorkerBirth {
  /** From 0; a successor has its predecessor's. */
  readonly lane: number;
  readonly tallies: SharedArrayBuffer;
  readonly tallySeed: number;
  readonly loginSecret: Uint8Array;
  readonly ticketSecret: Uint8Array;
  /** The least important lines that the log has. */
  readonly logLevel: string;
}

/** A configuration as the main thread read it. */
export interface GivenConfiguration {
  readonly file: string;
  readonly text: string;
}

/** The events that somebody wants to hear of. */
export interface WantedEvents {
  readonly all: readonly EventName[];
  readonly quiet: readonly EventName[];
}

export interface SentRecipient {
  readonly local: string;
  readonly domain: string;
  readonly parameters: RcptParameters;
  /** undefined: nothing is kept for this one. */
  readonly fate: Fate | undefined;
}

/** A message that is to be made durable; its body is here, or in the draft of that number. */
export interface SentMessage {
  readonly record: MessageRecord;
  readonly recipients: readonly SentRecipient[];
  readonly body: Uint8Array | undefined;
  readonly draft: number;
  /** Milliseconds; undefined for `delivery.expireAfter`. */
  readonly expireAfter: number | undefined;
  readonly priority: Priority | undefined;
}

export type WorkerWords = {
  /** Durable when it is answered. */
  readonly commit: { readonly given: SentMessage; readonly answer: undefined };
  /** The next octets of a large body; answered when the store wants more. The first ones begin the draft. */
  readonly 'draft-write': {
    readonly given: { readonly draft: number; readonly bytes: Uint8Array };
    readonly answer: undefined;
  };
  readonly 'draft-finish': { readonly given: { readonly draft: number }; readonly answer: undefined };
  readonly 'draft-discard': { readonly given: { readonly draft: number } };
  /** The next octets of a finished draft; undefined at its end. The first question of a reader begins anew. */
  readonly 'draft-read': {
    readonly given: { readonly draft: number; readonly reader: number };
    readonly answer: Uint8Array | undefined;
  };
  readonly 'reader-left': { readonly given: { readonly reader: number } };
  readonly 'counters-take': {
    readonly given: readonly CounterRequest[];
    readonly answer: Overrun | undefined;
  };
  readonly 'counters-add': {
    readonly given: readonly Omit<CounterRequest, 'most'>[];
    readonly answer: undefined;
  };
  /** Mail that a plugin of that name has written. */
  readonly 'own-mail': {
    readonly given: { readonly plugin: string; readonly mail: OwnMail };
    readonly answer: undefined;
  };
  readonly 'login-failed': { readonly given: LoginFailure };
  readonly event: { readonly given: { readonly name: EventName; readonly facts: object } };
  readonly log: { readonly given: ReportedLog };
};

export type MainWords = {
  /** Listens on these addresses; the answer says that it does. */
  readonly open: {
    readonly given: GivenConfiguration & {
      readonly addresses: readonly ListenerAddress[];
      readonly wanted: WantedEvents;
      readonly failures: ReadonlyMap<string, FailureEntry>;
    };
    readonly answer: undefined;
  };
  /** A reload: everything that can fail. */
  readonly prepare: {
    readonly given: GivenConfiguration & { readonly addresses: readonly ListenerAddress[] };
    readonly answer: undefined;
  };
  readonly apply: { readonly given: { readonly wanted: WantedEvents }; readonly answer: undefined };
  /** After `apply`: answered when the last client from before has gone. */
  readonly 'until-free': { readonly given: undefined; readonly answer: undefined };
  readonly abandon: { readonly given: undefined };
  readonly 'login-failed': { readonly given: LoginFailure };
  /** No new clients; answered when all have gone and the plugins are stopped. */
  readonly drain: { readonly given: { readonly patience: number }; readonly answer: undefined };
};
