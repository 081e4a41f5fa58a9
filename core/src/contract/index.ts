// The contract: the words that the core and every plugin share, in reading order.

export type * from './asked.ts';
export * from './authentication-results.ts';
export * from './bounce-class.ts';
export * from './counters.ts';
export type * from './delivery.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './hooks.ts';
export * from './mailer.ts';
export type * from './message.ts';
export * from './notes.ts';
export type * from './outcome.ts';
export { Outcome } from './outcome.ts';
export * from './plugin.ts';
export * from './queue-filter.ts';
export * from './schema.ts';
export * from './scores.ts';
export * from './services.ts';
export * from './settings.ts';
export * from './stores.ts';
export * from './token.ts';
export * from './trace.ts';
export type * from './verdict.ts';
export { Verdict } from './verdict.ts';
