// Notes: how plugins tell each other something about a session or a message, with types.
// Values are JSON, because a message's notes travel with it through the queue to on-deliver.

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The key of a note. `name` begins with the plugin's name: `check-spf/result`. */
export interface Note<T extends Json> {
  readonly name: string;
  /** Never set; it carries the type. */
  readonly value?: T;
}

export function note<T extends Json>(name: `${string}/${string}`): Note<T> {
  return { name };
}

export interface Notes {
  get<T extends Json>(of: Note<T>): T | undefined;
}

/** Notes of a dialogue that is still going on. What is set before MAIL stays for all messages of the connection. */
export interface WritableNotes extends Notes {
  set<T extends Json>(of: Note<T>, value: NoInfer<T>): void;
}
