// posthouse new: a plugin or a server to begin with. It asks what it was not told, where somebody can be asked, and
// writes into a folder that is empty or not there yet.

import { resolve } from 'node:path';
import { didYouMean } from '../server/configuration/index.ts';
import { coreVersion } from '../server/core-version.ts';
import { type Command, type Given, OK, type Shell, UsageError } from './command.ts';
import { findFolder, writeAnew } from './new-folder.ts';
import { checkedName, HOOKS, isHook, pluginFiles, sampleConfig, shortName } from './new-plugin.ts';
import { serverFiles } from './new-server.ts';

const KINDS = ['plugin', 'server'];

export const newCommand: Command = {
  name: 'new',
  takes: 'plugin <name> | server <folder>',
  summary: 'Begin a plugin or a server: a folder that builds, tests and runs at once',
  options: {
    hook: { type: 'string', value: 'hook', help: `Of a plugin, the hook that it asks: ${HOOKS.join(', ')}` },
    js: {
      type: 'boolean',
      help: 'A plugin in JavaScript; otherwise in TypeScript, which Node runs as it is',
    },
    folder: {
      type: 'string',
      value: 'path',
      help: 'Where a plugin goes. Default: its name, without the scope',
    },
    yes: {
      type: 'boolean',
      short: 'y',
      help: 'Ask nothing: on-mail-from and TypeScript unless said otherwise',
    },
  },
  async run(given, shell) {
    const [kind, name, ...rest] = given.words;
    if (kind === undefined || name === undefined || rest.length > 0)
      throw new UsageError('say what: posthouse new plugin check-example, or posthouse new server mail');
    if (kind === 'plugin') return await newPlugin(name, given, shell);
    if (kind === 'server') return newServer(name, given, shell);
    throw new UsageError(`posthouse new makes no ${kind}${didYouMean(kind, KINDS)}`);
  },
};

async function newPlugin(name: string, given: Given, shell: Shell): Promise<number> {
  checkedName(name);
  const { folder = shortName(name) } = given.options;
  const target = findFolder(resolve(String(folder)));
  const hook = (await hookOf(given, shell)) ?? 'on-mail-from';
  const language = (await wantsJavaScript(given, shell)) ? 'js' : 'ts';
  writeAnew(target, pluginFiles({ name, hook, language, core: coreVersion() }));
  shell.say(`${target} is a plugin that asks ${hook}. Next:

  cd ${folder}
  npm install
  npm test

In the posthouse.yaml of a server beside it, it is run from source:

  plugins:
    - use: ../${folder}/src/index.${language}
      config: ${sampleConfig(hook)}

A server that was started with posthouse start --watch takes over what you save.
`);
  return OK;
}

async function hookOf({ options }: Given, shell: Shell): Promise<(typeof HOOKS)[number] | undefined> {
  const answer =
    options.hook ??
    (options.yes === true
      ? undefined
      : await shell.question(`Which hook? (${HOOKS.join(', ')}) [on-mail-from] `));
  if (typeof answer !== 'string' || answer === '') return undefined;
  if (!isHook(answer))
    throw new UsageError(
      `there is no hook ${answer}${didYouMean(answer, HOOKS) || `; there are ${HOOKS.join(', ')}`}`,
    );
  return answer;
}

async function wantsJavaScript({ options }: Given, shell: Shell): Promise<boolean> {
  if (options.js === true || options.yes === true || options.hook !== undefined) return options.js === true;
  return (await shell.confirm('JavaScript instead of TypeScript? [y/N] ')) === true;
}

function newServer(folder: string, { options }: Given, shell: Shell): number {
  for (const option of ['hook', 'js', 'folder'])
    if (options[option] !== undefined) throw new UsageError(`--${option} is for plugins`);
  const target = findFolder(resolve(folder));
  writeAnew(target, serverFiles({ folder: target, core: coreVersion() }));
  shell.say(`${target} is a server for one domain, on 127.0.0.1:2525. Next:

  cd ${folder}
  npm install
  npm start

posthouse.yaml is all that it is; the start prints a command that sends a first mail.
`);
  return OK;
}
