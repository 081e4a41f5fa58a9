// Keeps what happened to every message and every refused connection, in order, for `posthouse why`.
// Not for: logs, which are written anyway; numbers over time; the octets of messages, which it never sees.

import {
  ByteSize,
  Clock,
  Duration,
  definePlugin,
  type EventName,
  FilePath,
  type Observers,
  Trace,
  Type,
} from '@posthouse/core';
import { Recorder } from './recorder.ts';

/** What belongs to a story. That an attempt begins says nothing that its end does not. */
const EVENTS = [
  'connection-opened',
  'connection-closed',
  'verdict-given',
  'handler-failed',
  'message-authenticated',
  'command-refused',
  'message-queued',
  'message-discarded',
  'exchange-finished',
  'attempt-finished',
  'recipient-settled',
  'notice-queued',
  'notice-dropped',
  'feedback-received',
] as const satisfies readonly EventName[];

export default definePlugin({
  name: 'observe-trace',
  config: Type.Object(
    {
      path: FilePath({ description: 'The folder of the trace, on a local disk. Made when it is not there.' }),
      keep: Duration({ default: '14d', description: 'How long it is kept; the last day is kept whole.' }),
      size: ByteSize({
        default: '1 GiB',
        description: 'How much room it takes; the oldest sixteenth goes when there is no more.',
      }),
      buffer: Type.With(Type.Integer({ minimum: 256, maximum: 1_000_000 }), {
        default: 20_000,
        description: 'Events that wait for the disk, above which others are dropped and counted in the log.',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  provides: { trace: Trace },
  setup({ config, clock, log }) {
    const recorder = new Recorder(config, clock, log);
    const observe: Observers = Object.fromEntries(
      EVENTS.map((name) => [name, (facts: object) => recorder.record(name, facts)]),
    );
    return {
      services: { trace: { find: (word, limit) => recorder.find(word, limit) } },
      observe,
      describe: () => `what happens to messages is kept in ${config.path}`,
      start: () => recorder.start(),
      stop: () => recorder.stop(),
    };
  },
});
