// posthouse start: runs a server until it is asked to end. What people want to know at a start goes to standard error;
// standard output is the log's, JSON line by line.

import { loadConfiguration } from '../server/configuration/index.ts';
import { coreVersion } from '../server/core-version.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { createServer, type Server } from '../server/server.ts';
import { columns, visible } from './columns.ts';
import { CONFIG_OPTION, type Command, configFile, OK } from './command.ts';
import { firstMails, hostPort } from './first-mail.ts';

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
    // Whether it could be done is in the log: nobody waits for an answer.
    shell.onAskedToReload(() => void server.reload().catch(() => undefined));
    await server.start();
    shell.say(welcome(definition, server));
    await ended;
    shell.say('Stopping: open transactions and deliveries are being ended.\n');
    await server.stop();
    return OK;
  },
};

/** Where it listens, where mail will land, and commands that send a first mail. */
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
  return `${hostname} is up (Posthouse ${coreVersion()})\n${columns([], [...listening, ...cautions, ...plugins, ...queue])}${firstMails(definition, addresses)}`;
}
