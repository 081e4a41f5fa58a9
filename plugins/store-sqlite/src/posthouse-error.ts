// The store's troubles in the house's catalogue of errors: what leaves the plugin is a PosthouseError.

import { PosthouseError } from '@posthouse/core';
import { storeFailure } from './failure.ts';

export function posthouseError(error: unknown, doing: string): PosthouseError {
  if (error instanceof PosthouseError) return error;
  const failure = storeFailure(error, doing);
  return new PosthouseError(failure.code, failure.message, { cause: failure.cause ?? failure });
}
