// The contract: the words that the core and every plugin share, in reading order.

export { Verdict } from './verdict.ts';
export type * from './verdict.ts';
export * from './hooks.ts';
export type * from './asked.ts';
export { Outcome } from './outcome.ts';
export type * from './outcome.ts';
export type * from './delivery.ts';
export type * from './message.ts';
export * from './notes.ts';
export * from './plugin.ts';
export * from './schema.ts';
export * from './token.ts';
export * from './services.ts';
export * from './stores.ts';
export * from './events.ts';
export * from './settings.ts';
export * from './errors.ts';
