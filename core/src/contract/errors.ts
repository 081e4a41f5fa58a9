// The one catalogue of our own troubles. What a client should hear is never thrown: it is a returned Verdict.
// Each code stands with its cause and remedy in core/docs/errors.md, and a test holds the two together.

export const errorCodes = {
  'config-unreadable': 'The configuration file cannot be read or is not YAML.',
  'config-invalid': 'The configuration breaks its schema.',
  'secret-missing': 'A secret that the configuration takes from the environment or a file has no value.',
  'plugin-not-found': 'A plugin named in the configuration cannot be loaded.',
  'plugin-of-another-core': 'A plugin is made for another version of the core.',
  'plugin-invalid':
    'A module named as a plugin does not export one, or a plugin returned something it may not.',
  'plugin-doubled': 'Two plugin entries have the same name.',
  'plugin-start-failed': 'A plugin threw while starting.',
  'service-missing': 'A plugin needs a service that nothing provides.',
  'service-doubled': 'Two plugins provide the same service.',
  'service-circular': 'Plugins need each other in a circle.',
  'listen-failed': 'A listener could not take its address.',
  'store-full': 'There is no room left for the queue.',
  'store-failed': 'The queue could not be written or read.',
  'store-locked': 'The queue belongs to another running server.',
  'mail-refused': 'A message that a plugin wanted to send was not taken.',
  'message-missing': 'A queued message has no body any more.',
  'dns-unavailable': 'DNS gave no answer: neither yes nor no.',
  'control-unavailable': 'The running server cannot be reached over its control socket.',
  'restart-needed': 'A new configuration changes what only a restart can change.',
  'node-too-old': 'This Node.js is older than the server needs.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class PosthouseError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'PosthouseError';
    this.code = code;
  }

  static is(error: unknown, code: ErrorCode): error is PosthouseError {
    return error instanceof PosthouseError && error.code === code;
  }
}
