// posthouse reload: has the running server read its configuration again, and tells what became of it.

import { controlSocketOf } from '../server/configuration/index.ts';
import type { ReloadReport } from '../server/server.ts';
import { columns, visible } from './columns.ts';
import { CONFIG_OPTION, type Command, configFile, FAILED, OK, UsageError } from './command.ts';
import { ask, Refused } from './control-client.ts';

export const reload: Command = {
  name: 'reload',
  summary: 'Have the running server read its configuration again: all of it, or nothing changes',
  options: {
    ...CONFIG_OPTION,
    socket: {
      type: 'string',
      value: 'path',
      help: 'The control socket, where the one in the configuration has changed or cannot be read',
    },
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const { options } = given;
    const file = configFile(given);
    const socket =
      typeof options.socket === 'string' ? options.socket : controlSocketOf(file, shell.environment);
    if (socket === undefined)
      throw new UsageError(`${file} switches the control socket off with control: false; send SIGHUP`);
    try {
      const report = (await ask(socket, 'POST', '/reload')) as ReloadReport;
      shell.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
      return OK;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const lines = error.message.split('\n').map((line) => `${visible(line)}\n`);
      shell.say(`${lines.join('')}Nothing has changed.\n`);
      return FAILED;
    }
  },
};

function reportText({ started, leaving, kept, opened, closed, milliseconds }: ReloadReport): string {
  const rows = [
    ['plugins set up anew', started],
    ['plugins that go with their last session', leaving],
    ['plugins that stay as they were', kept],
    ['listeners opened', opened],
    ['listeners closed', closed],
  ] as const;
  const lines = rows
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => [`  ${what}`, names.join(', ')]);
  return `The new configuration is in force (${milliseconds} ms)\n${columns([], lines)}`;
}
