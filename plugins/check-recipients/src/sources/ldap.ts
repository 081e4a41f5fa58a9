// A directory (RFC 4511), by ldapts, which is loaded only where it is asked for. One connection is kept; after a failure
// the next question opens another.

import { connect as connectTls, type TLSSocket } from 'node:tls';
import { PosthouseError } from '@posthouse/core';
import type { Client } from 'ldapts';
import type { LdapConfig } from '../config.ts';
import { filled, namesPart, type Source } from '../source.ts';
import { trustOf } from '../trust.ts';

/** Throws `config-invalid`. @param timeout milliseconds */
export function ldapSource(config: LdapConfig, timeout: number): Source {
  const { url, startTls, caFile, bindDn, password, base, scope, filter } = config;
  const invalid = (text: string) => new PosthouseError('config-invalid', `check-recipients: ldap.${text}`);
  if (!namesPart(filter)) throw invalid('filter names no part of the address');
  if (namesPart(base)) throw invalid('base takes no part of an address; let the filter do it');
  if (startTls && url.startsWith('ldaps:')) throw invalid('startTls is for ldap: URLs');
  if (bindDn !== '' && password === '')
    throw invalid('password is missing: servers take such a bind for a good one');
  const isSecure = url.startsWith('ldaps:');
  if (caFile !== undefined && !isSecure && !startTls) throw invalid('caFile is for ldaps: URLs and startTls');
  const trust = isSecure || startTls ? trustOf(caFile, 'ldap') : undefined;
  let connected: Promise<Client> | undefined;

  const connect = async (): Promise<Client> => {
    const { Client: Ldap } = await import('ldapts');
    const client = new Ldap({
      url,
      timeout,
      connectTimeout: timeout,
      // Options for TLS make an `ldap:` server one of `ldaps:`.
      ...(isSecure && { tlsOptions: { ...trust } }),
      ...(startTls && { createSecureConnection: handshakeWithin(timeout) }),
    });
    try {
      if (startTls) await client.startTLS({ ...trust, host: new URL(url).hostname });
      if (bindDn !== '') await client.bind(bindDn, password);
    } catch (error) {
      void client.unbind().catch(() => {});
      throw error;
    }
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

/** ldapts waits for the handshake of StartTLS as long as it takes. */
function handshakeWithin(timeout: number) {
  return (...options: unknown[]): TLSSocket => {
    const socket: TLSSocket = Reflect.apply(connectTls, undefined, options);
    socket.setTimeout(timeout, () => socket.destroy(new Error('no TLS handshake in time')));
    socket.once('secureConnect', () => socket.setTimeout(0));
    return socket;
  };
}

/** RFC 4515 §3: what would be syntax, and every octet beyond ASCII, in hexadecimal. */
export function escapeFilter(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return /[\w.@+=-]/.test(character) ? character : `\\${octet.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
