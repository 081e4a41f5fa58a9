// The mailbox file: one address a line, empty lines and comments left out.

import { type Mailbox, PosthouseError, parseMailbox } from '@posthouse/core';

export interface ListedMailbox {
  readonly address: Mailbox;
  /** `file:line`, for errors. */
  readonly where: string;
}

/** Throws a PosthouseError `config-invalid` that names the line which is no address. */
export function* parseMailboxFile(text: string, file: string): Generator<ListedMailbox> {
  for (const [index, raw] of text.split('\n').entries()) {
    // A "#" within an address is a character like others; a comment stands alone or behind white space.
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const where = `${file}:${index + 1}`;
    const address = parseMailbox(line, { smtputf8: true });
    if (address === undefined)
      throw new PosthouseError('config-invalid', `${where}: "${line}" is not an address`);
    yield { address, where };
  }
}
