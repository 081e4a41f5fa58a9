// Who may send as whom: the patterns of everybody, and what single users may use besides. Pure, and never changed once made.

import { type Mailbox, PosthouseError } from '@posthouse/core';
import { covers, parseSenderPattern, type SenderPattern } from './sender-pattern.ts';

/** What a user may use, as it was written. */
export interface SenderEntry {
  readonly user: string;
  readonly senders: readonly string[];
  /** The place in the configuration or the file, for errors. */
  readonly where: string;
}

export interface SenderTableOptions {
  /** Patterns that hold for every user. */
  readonly senders: readonly string[];
  readonly entries: readonly SenderEntry[];
  readonly recipientDelimiter?: string | undefined;
}

export class SenderTable {
  readonly #everybody: readonly SenderPattern[];
  readonly #byUser = new Map<string, readonly SenderPattern[]>();
  readonly #delimiter: string | undefined;

  /** Throws a PosthouseError `config-invalid` for a sender that is none, or a user named twice. */
  constructor({ senders, entries, recipientDelimiter }: SenderTableOptions) {
    this.#delimiter = recipientDelimiter;
    this.#everybody = senders.map((text, index) => parseSenderPattern(text, `senders[${index}]`));
    const places = new Map<string, string>();
    for (const { user, senders: own, where } of entries) {
      const before = places.get(user);
      if (before !== undefined)
        throw new PosthouseError('config-invalid', `${where}: "${user}" stands in ${before} already`);
      places.set(user, where);
      this.#byUser.set(
        user,
        own.map((text) => parseSenderPattern(text, where)),
      );
    }
  }

  /** @param user as the Authenticator named it; user names are compared exactly */
  mayUse(user: string, address: Mailbox): boolean {
    const fits = (pattern: SenderPattern): boolean => covers(pattern, user, address, this.#delimiter);
    return this.#everybody.some(fits) || (this.#byUser.get(user)?.some(fits) ?? false);
  }
}
