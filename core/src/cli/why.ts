// posthouse why: what happened to a message, to the mail of an address, or to a client, from the trace of observe-trace.
// Asks the running server; where none runs it reads what the trace has kept.

import { PosthouseError, type Story } from '../contract/index.ts';
import { controlSocketOf, loadConfiguration } from '../server/configuration/index.ts';
import { harmlessJson } from '../server/harmless-json.ts';
import { createServer } from '../server/server.ts';
import { visible } from './columns.ts';
import {
  CONFIG_OPTION,
  type Command,
  configFile,
  FAILED,
  type Given,
  OK,
  type Shell,
  UsageError,
} from './command.ts';
import { ask, Refused } from './control-client.ts';
import { storyText } from './why-text.ts';

const MAX_STORIES = 1000;
const STORIES = 10;

export const why: Command = {
  name: 'why',
  takes: '<message id | queue id | session id | address | ip>',
  summary: 'Tell what happened to a message, to the mail of an address, or to a client',
  options: {
    ...CONFIG_OPTION,
    socket: {
      type: 'string',
      value: 'path',
      help: 'The control socket, where there is no configuration at hand',
    },
    limit: { type: 'string', value: 'number', help: `So many stories, the newest ones. Default: ${STORIES}` },
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const [word, ...more] = given.words;
    if (word === undefined || word === '' || more.length > 0)
      throw new UsageError('posthouse why takes one id, mail address or IP address');
    let stories: readonly Story[];
    try {
      stories = await find(word.replace(/^<(.*)>$/, '$1'), limitOf(given), given, shell);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      shell.say(`${visible(error.message)}\n`);
      return FAILED;
    }
    if (given.options.json) shell.out(harmlessJson(`${JSON.stringify({ stories }, null, 2)}\n`));
    else if (stories.length > 0) shell.out(stories.map(storyText).join('\n'));
    if (stories.length > 0) return OK;
    shell.say(`The trace knows nothing of ${visible(word)}: too long ago, or it never came here.\n`);
    return FAILED;
  },
};

async function find(word: string, limit: number, given: Given, shell: Shell): Promise<readonly Story[]> {
  const { socket: named } = given.options;
  const socket = typeof named === 'string' ? named : controlSocketOf(configFile(given), shell.environment);
  if (socket !== undefined) {
    try {
      const query = new URLSearchParams({ word, limit: String(limit) });
      return ((await ask(socket, 'GET', `/why?${query}`)) as { stories: readonly Story[] }).stories;
    } catch (error) {
      if (typeof named === 'string' || !PosthouseError.is(error, 'control-unavailable')) throw error;
    }
  }
  // Assembled and not started: the plugin reads its files.
  const { house } = createServer(await loadConfiguration(configFile(given), shell.environment));
  if (house.trace === undefined)
    throw new Refused('nothing is traced: add @posthouse/observe-trace to the plugins');
  return house.trace.find(word, limit);
}

function limitOf({ options: { limit } }: Given): number {
  if (limit === undefined) return STORIES;
  const number = Number(limit);
  if (!Number.isInteger(number) || number < 1 || number > MAX_STORIES)
    throw new UsageError(`--limit must be a number from 1 to ${MAX_STORIES}`);
  return number;
}
