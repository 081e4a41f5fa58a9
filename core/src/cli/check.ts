// posthouse check: all that a start does before it touches the world.

import { loadConfiguration } from '../server/configuration/index.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { createServer } from '../server/server.ts';
import { certificateFiles } from '../server/tls/settings.ts';
import { CONFIG_OPTION, type Command, configFile, OK } from './command.ts';

export const check: Command = {
  name: 'check',
  summary: 'Check a configuration as a start would, without starting',
  options: CONFIG_OPTION,
  async run(given, shell) {
    const file = configFile(given);
    const definition = await loadConfiguration(file, shell.environment);
    // Assembles the plugins, which finds missing, doubled and circular services.
    createServer(definition);
    shell.out(`${file} is good: ${summaryOf(definition)}\n`);
    const { listeners, tls } = definition;
    if (listeners.some((listener) => listener.tls !== 'none') && certificateFiles(tls).length === 0)
      shell.out('No certificate is configured: TLS would use a self-signed one, which no client trusts.\n');
    return OK;
  },
};

function summaryOf({ listeners, plugins }: ResolvedDefinition): string {
  const off = plugins.filter(({ mode }) => mode === 'off').length;
  const parts = [count(listeners.length, 'listener'), count(plugins.length, 'plugin')];
  return `${parts.join(', ')}${off === 0 ? '' : `, ${off} of them off`}`;
}

function count(number: number, of: string): string {
  return `${number} ${of}${number === 1 ? '' : 's'}`;
}
