// posthouse start: runs a server until it is asked to end. What people want to know at a start goes to standard error;
// standard output is the log's, JSON line by line.

import { isIPv6 } from 'node:net';
import { loadConfiguration } from '../server/configuration/index.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { createServer, type Server } from '../server/server.ts';
import { columns, visible } from './columns.ts';
import { CONFIG_OPTION, type Command, configFile, OK } from './command.ts';
import { coreVersion } from './version.ts';

export const start: Command = {
  name: 'start',
  summary: 'Run the server until SIGTERM or SIGINT; a second signal ends it at once',
  options: CONFIG_OPTION,
  async run(given, shell) {
    // Asked before the start is through, the server still stops in good order.
    const ended = shell.whenAskedToEnd();
    const definition = await loadConfiguration(configFile(given), shell.environment);
    const server = createServer(definition);
    // From the beginning: a SIGHUP that nobody listens to would end the process.
    shell.onAskedToReload(() => server.reload());
    await server.start();
    shell.say(welcome(definition, server));
    await ended;
    shell.say('Stopping: open transactions and deliveries are being ended.\n');
    await server.stop();
    return OK;
  },
};

/** Where it listens, where mail will land, and one command that sends a first mail. */
export function welcome(
  definition: ResolvedDefinition,
  server: Pick<Server, 'addresses' | 'describe' | 'cautions'>,
): string {
  const { addresses } = server;
  const { hostname, file, control } = definition;
  const listening = addresses.map(({ name, host, port }) => {
    const tls = definition.listeners.find((listener) => listener.name === name)?.tls ?? 'none';
    return ['  listens', `${name} on ${hostPort(host, port)}${tls === 'none' ? '' : `, TLS: ${tls}`}`];
  });
  const plugins = server.describe().map((line, index) => [index === 0 ? '  plugins' : '', visible(line)]);
  const cautions = server.cautions().map((line) => ['  caution', visible(line)]);
  const queue =
    control === undefined
      ? []
      : [['  queue', `npx posthouse queue list --config ${file ?? 'posthouse.yaml'}`]];
  const first = firstMail(definition, addresses);
  const tryIt = first === undefined ? '' : `Send a first mail:\n\n${first}\n\n`;
  return `${hostname} is up (Posthouse ${coreVersion()})\n${columns([], [...listening, ...cautions, ...plugins, ...queue])}${tryIt}`;
}

/** To the postmaster of a local domain, whom every domain has (RFC 5321 §4.5.1), over the listener that is easiest to reach. */
function firstMail(definition: ResolvedDefinition, addresses: Server['addresses']): string | undefined {
  const plain = addresses.find(({ name }) =>
    definition.listeners.some((one) => one.name === name && one.tls !== 'implicit'),
  );
  if (plain === undefined) return undefined;
  const domain = localDomain(definition) ?? definition.hostname;
  const who = `postmaster@${domain}`;
  const message = `From: ${who}\\r\\nTo: ${who}\\r\\nSubject: A first mail\\r\\n\\r\\nIt works.\\r\\n`;
  return (
    `  printf '${message}' |\n` +
    `    curl -sS smtp://${hostPort(reachable(plain.host), plain.port)} --mail-from ${who} --mail-rcpt ${who} --upload-file -`
  );
}

/** Plugins that know local domains call them `domains`. */
function localDomain({ plugins }: ResolvedDefinition): string | undefined {
  for (const { config, mode } of plugins) {
    const [first] = Array.isArray(config.domains) ? (config.domains as readonly unknown[]) : [];
    // It is put into a line that people paste into a shell.
    if (mode !== 'off' && typeof first === 'string' && /^[a-z0-9][a-z0-9.-]*$/i.test(first)) return first;
  }
  return undefined;
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
