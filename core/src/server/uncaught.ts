// An error that nobody caught, as the log has it: where it comes from says whose it is.

import type { Events } from '../contract/index.ts';

/** Lines of a stack that are kept: the first ones say where it was thrown. */
const STACK_LINES = 12;

export function uncaught(kind: Events['error-uncaught']['kind'], error: unknown): Events['error-uncaught'] {
  if (!(error instanceof Error)) return { kind, error: String(error), stack: '' };
  const lines = (error.stack ?? '').split('\n');
  return { kind, error: error.message, stack: lines.slice(0, STACK_LINES).join('\n') };
}
