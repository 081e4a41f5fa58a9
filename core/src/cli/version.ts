// posthouse version.

import { coreVersion } from '../server/core-version.ts';
import { type Command, OK } from './command.ts';

export const version: Command = {
  name: 'version',
  summary: 'Print the versions of Posthouse and of Node.js',
  options: {},
  run(_given, shell) {
    shell.out(`posthouse ${coreVersion()} (node ${process.versions.node})\n`);
    return Promise.resolve(OK);
  },
};
