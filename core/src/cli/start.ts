// posthouse start: runs a server until it is asked to end. What people want to know at a start goes to standard error;
// standard output is the log's, JSON line by line.

import { loadConfiguration } from '../server/configuration/index.ts';
import { coreVersion } from '../server/core-version.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { createServer, type Server } from '../server/server.ts';
import { systemClock } from '../server/system/clock.ts';
import { columns, visible } from './columns.ts';
import { CONFIG_OPTION, type Command, configFile, OK, UsageError } from './command.ts';
import { firstMails, hostPort } from './first-mail.ts';
import { Watch } from './watch.ts';

export const start: Command = {
  name: 'start',
  summary: 'Run the server until SIGTERM or SIGINT; a second signal ends it at once',
  options: {
    ...CONFIG_OPTION,
    watch: {
      type: 'boolean',
      help: 'For writing plugins: take over the configuration and plugins outside of node_modules as they are saved',
    },
  },
  async run(given, shell) {
    // Asked before the start is through, the server still stops in good order.
    const ended = shell.whenAskedToEnd();
    const file = configFile(given);
    const watch = given.options.watch === true ? new Watch(file, systemClock) : undefined;
    const definition = await loadConfiguration(file, shell.environment);
    if (watch !== undefined && definition.workers > 1)
      throw new UsageError(`--watch is for one thread: set workers: 1 in ${file}`);
    const server = createServer(definition);
    // From the beginning: a SIGHUP that nobody listens to would end the process.
    // Whether it could be done is in the log: nobody waits for an answer.
    shell.onAskedToReload(() => void server.reload().catch(() => undefined));
    shell.onUncaught((kind, error) => {
      server.noteUncaught(kind, error);
      if (kind === 'exception')
        shell.say(
          `An error that nobody caught ends the server: ${String(error)}. What it has accepted is in the queue; the log has more.\n`,
        );
    });
    await server.start();
    shell.say(welcome(definition, server, watch?.describe()));
    watch?.start(server, (text) => shell.say(text));
    await ended;
    watch?.stop();
    shell.say('Stopping: open transactions and deliveries are being ended.\n');
    await server.stop();
    return OK;
  },
};

/**
 * Where it listens, where mail will land, and commands that send a first mail.
 * @param watched the files that are taken over when they are saved
 */
export function welcome(
  definition: ResolvedDefinition,
  server: Pick<Server, 'addresses' | 'describe' | 'cautions'>,
  watched?: string,
): string {
  const { addresses } = server;
  const { hostname, file, control } = definition;
  const listening = addresses.map(({ name, host, port }) => {
    const tls = definition.listeners.find((listener) => listener.name === name)?.tls ?? 'none';
    return ['  listens', `${name} on ${hostPort(host, port)}${tls === 'none' ? '' : `, TLS: ${tls}`}`];
  });
  const plugins = server.describe().map((line, index) => [index === 0 ? '  plugins' : '', visible(line)]);
  const cautions = server.cautions().map((line) => ['  caution', visible(line)]);
  const watching = watched === undefined ? [] : [['  watches', watched]];
  const queue =
    control === undefined
      ? []
      : [['  queue', `npx posthouse queue list --config ${file ?? 'posthouse.yaml'}`]];
  return `${hostname} is up (Posthouse ${coreVersion()})\n${columns([], [...listening, ...cautions, ...plugins, ...queue, ...watching])}${firstMails(definition, addresses)}`;
}
