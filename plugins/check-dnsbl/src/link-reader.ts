// Reads a message for what it links to, as far as the configuration says.

import type { ReceivedMessage } from '@posthouse/core';
import type { Config } from './config.ts';
import { linkedNames, type RegistrableDomain } from './links.ts';
import { textParts } from './text-parts.ts';

export class LinkReader {
  readonly #config: Pick<Config, 'links' | 'linksWithin' | 'ignoredLinks'>;
  readonly #ignored: ReadonlySet<string>;
  #registrable: RegistrableDomain | undefined;

  constructor(config: Pick<Config, 'links' | 'linksWithin' | 'ignoredLinks'>) {
    this.#config = config;
    this.#ignored = new Set(config.ignoredLinks.map((domain) => domain.toLowerCase()));
  }

  /** Registrable domains, and addresses backwards, each once. */
  async names(message: ReceivedMessage): Promise<readonly string[]> {
    // The list of public suffixes takes memory and time to load: only those who ask about links pay for it.
    this.#registrable ??= (await import('tldts')).getDomain;
    const { links, linksWithin } = this.#config;
    const names = linkedNames(
      textParts(await beginningOf(message, linksWithin)),
      this.#registrable,
      links + this.#ignored.size,
    );
    return names.filter((name) => !this.#ignored.has(name)).slice(0, links);
  }
}

/** So many octets, as latin1. */
async function beginningOf(message: ReceivedMessage, most: number): Promise<string> {
  let text = '';
  for await (const bytes of message.open()) {
    const wanted = bytes.subarray(0, most - text.length);
    text += Buffer.from(wanted.buffer, wanted.byteOffset, wanted.length).toString('latin1');
    if (text.length >= most) break;
  }
  return text;
}
