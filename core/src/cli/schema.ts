// posthouse schema: the JSON Schema of configurations for editors, composed from the core and the installed plugins.

import { writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PosthouseError } from '../contract/index.ts';
import {
  configurationSchema,
  installedPlugins,
  loadPlugin,
  type PluginSchema,
  usesOf,
} from '../server/configuration/index.ts';
import { CONFIG_OPTION, type Command, configFile, OK } from './command.ts';

export const schema: Command = {
  name: 'schema',
  summary: "Write the JSON Schema of configurations, for the editor's completion",
  options: {
    ...CONFIG_OPTION,
    out: { type: 'string', short: 'o', value: 'file', help: 'Where to write it. Default: standard output' },
  },
  async run(given, shell) {
    const file = configFile(given);
    const folder = dirname(resolve(file));
    const uses = new Map(installedPlugins(folder));
    for (const use of namedIn(file, shell.environment)) if (!uses.has(use)) uses.set(use, '');

    const plugins: PluginSchema[] = [];
    for (const [use, description] of uses) {
      const loaded = await loadPlugin(use, folder);
      if (loaded.ok) plugins.push({ use, description, config: loaded.plugin.spec.config });
      else shell.say(`left out: ${loaded.text}\n`);
    }
    const text = `${JSON.stringify(configurationSchema(plugins), null, 2)}\n`;
    if (typeof given.options.out !== 'string') {
      shell.out(text);
      return OK;
    }
    writeFileSync(given.options.out, text);
    shell.say(`${given.options.out} knows the core and ${plugins.length} plugins\n`);
    return OK;
  },
};

/** Plugins of one's own, which are installed nowhere. The schema is wanted most while the file is still being written. */
function namedIn(file: string, environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    return usesOf(file, environment);
  } catch (error) {
    if (PosthouseError.is(error, 'config-unreadable')) return [];
    throw error;
  }
}
