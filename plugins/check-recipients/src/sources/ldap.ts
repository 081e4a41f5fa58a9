// A directory (RFC 4511), by ldapts, which is loaded only where it is asked for. One connection is kept; after a failure
// the next question opens another.

import { PosthouseError } from '@posthouse/core';
import type { Client } from 'ldapts';
import type { LdapConfig } from '../config.ts';
import { filled, namesPart, type Source } from '../source.ts';

/** Throws `config-invalid`. @param timeout milliseconds */
export function ldapSource(config: LdapConfig, timeout: number): Source {
  const { url, startTls, bindDn, password, base, scope, filter } = config;
  const invalid = (text: string) => new PosthouseError('config-invalid', `check-recipients: ldap.${text}`);
  if (!namesPart(filter)) throw invalid('filter names no part of the address');
  if (namesPart(base)) throw invalid('base takes no part of an address; let the filter do it');
  if (startTls && url.startsWith('ldaps:')) throw invalid('startTls is for ldap: URLs');
  if (bindDn !== '' && password === '')
    throw invalid('password is missing: servers take such a bind for a good one');
  let connected: Promise<Client> | undefined;

  const connect = async (): Promise<Client> => {
    const { Client: Ldap } = await import('ldapts');
    const client = new Ldap({ url, timeout, connectTimeout: timeout });
    if (startTls) await client.startTLS({ host: new URL(url).hostname });
    if (bindDn !== '') await client.bind(bindDn, password);
    return client;
  };
  const forget = (): void => {
    const old = connected;
    connected = undefined;
    old?.then((client) => client.unbind()).catch(() => {});
  };

  return {
    name: `ldap ${url}`,
    async knows(address, signal) {
      signal.addEventListener('abort', forget, { once: true });
      try {
        connected ??= connect();
        const client = await connected;
        const { searchEntries } = await client.search(base, {
          scope,
          filter: filled(filter, address, escapeFilter),
          attributes: ['1.1'],
          sizeLimit: 1,
        });
        return searchEntries.length > 0;
      } catch (error) {
        // RFC 4511 §4.1.9: there was more than the one that was asked for.
        if ((error as { code?: unknown }).code === SIZE_LIMIT_EXCEEDED) return true;
        forget();
        throw error;
      } finally {
        signal.removeEventListener('abort', forget);
      }
    },
    stop: forget,
  };
}

const SIZE_LIMIT_EXCEEDED = 4;

/** RFC 4515 §3: what would be syntax, and every octet beyond ASCII, in hexadecimal. */
export function escapeFilter(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return /[\w.@+=-]/.test(character) ? character : `\\${octet.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
