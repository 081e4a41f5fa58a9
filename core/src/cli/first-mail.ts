// The commands that a start gives to people who want to see mail flow: one that brings mail, one that hands it in as a user.

import { isIPv6 } from 'node:net';
import type { ResolvedDefinition } from '../server/definition.ts';
import type { Server } from '../server/server.ts';

type Addresses = Server['addresses'];

/** What may be put into a line that people paste into a shell. */
const HARMLESS = /^[a-z0-9][a-z0-9.@-]*$/i;

/** Paragraphs with a command each; '' where no listener is easily reached. */
export function firstMails(definition: ResolvedDefinition, addresses: Addresses): string {
  return [bring(definition, addresses), handIn(definition, addresses)].join('');
}

/** To the postmaster of a local domain, whom every domain has (RFC 5321 §4.5.1), over the listener that is easiest to reach. */
function bring(definition: ResolvedDefinition, addresses: Addresses): string {
  const open = definition.listeners.find(({ tls, auth }) => tls !== 'implicit' && auth !== 'required');
  const address = addresses.find(({ name }) => name === open?.name);
  if (address === undefined) return '';
  const who = `postmaster@${localDomain(definition) ?? definition.hostname}`;
  return `Send a first mail:\n\n${letter(who, who)}    curl -sS smtp://${at(address)} --mail-from ${who} --mail-rcpt ${who} --upload-file -\n\n`;
}

/** As a user whom an Authenticator knows, over STARTTLS or, where that is not to be had, implicit TLS. */
function handIn(definition: ResolvedDefinition, addresses: Addresses): string {
  const people = definition.listeners.filter(({ tls, auth }) => auth !== 'none' && tls !== 'none');
  const listener = people.find(({ tls }) => tls === 'starttls') ?? people[0];
  const address = addresses.find(({ name }) => name === listener?.name);
  const domain = localDomain(definition);
  if (address === undefined || domain === undefined) return '';
  const { user, sender } = someone(definition, domain);
  const scheme = listener?.tls === 'implicit' ? `smtps://` : `--ssl-reqd smtp://`;
  const to = `postmaster@${domain}`;
  return (
    `Hand in a mail as the user ${user}, whom posthouse passwd makes (curl asks for the password; --insecure lets it\n` +
    'take a certificate that nobody vouches for):\n\n' +
    letter(sender, to) +
    `    curl -sS --insecure ${scheme}${at(address)} --user ${user} --mail-from ${sender} --mail-rcpt ${to} --upload-file -\n\n`
  );
}

function letter(from: string, to: string): string {
  return `  printf 'From: ${from}\\r\\nTo: ${to}\\r\\nSubject: A first mail\\r\\n\\r\\nIt works.\\r\\n' |\n`;
}

/** A name and an address that belong together by the senders that accept-submission gives everybody. */
function someone(
  { plugins }: ResolvedDefinition,
  domain: string,
): { readonly user: string; readonly sender: string } {
  for (const { spec, config } of plugins) {
    if (spec.name !== 'accept-submission' || !Array.isArray(config.senders)) continue;
    for (const pattern of config.senders as readonly unknown[]) {
      const sender = typeof pattern === 'string' ? pattern.replace('{user}', 'ann') : '';
      if (sender.startsWith('ann@') && HARMLESS.test(sender)) return { user: 'ann', sender };
    }
  }
  return { user: `ann@${domain}`, sender: `ann@${domain}` };
}

/** Plugins that know local domains call them `domains`. */
function localDomain({ plugins }: ResolvedDefinition): string | undefined {
  for (const { config, mode } of plugins) {
    const [first] = Array.isArray(config.domains) ? (config.domains as readonly unknown[]) : [];
    if (mode !== 'off' && typeof first === 'string' && HARMLESS.test(first)) return first;
  }
  return undefined;
}

function at({ host, port }: Addresses[number]): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return hostPort(reachable, port);
}

export function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
