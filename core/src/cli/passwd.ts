// posthouse passwd: gives users of a password file their passwords, removes them, and tries a password.
// The file and its hashes are auth-file's; here is only the asking.

import { resolve } from 'node:path';
import { PosthouseError } from '../contract/index.ts';
import { importPackage, loadConfiguration } from '../server/configuration/index.ts';
import { type Command, configFile, FAILED, type Given, OK, type Shell, UsageError } from './command.ts';

const PLUGIN = '@posthouse/auth-file';

/** What auth-file exports beside its plugin. */
interface PasswordFileTool {
  setPassword(
    path: string,
    user: string,
    password: string,
    scheme: string | undefined,
  ): Promise<'added' | 'changed'>;
  deleteUser(path: string, user: string): Promise<boolean>;
  verifyPassword(path: string, user: string, password: string): Promise<boolean | undefined>;
}

export const passwd: Command = {
  name: 'passwd',
  takes: 'user',
  summary: 'Set, remove or try a password in the file of auth-file',
  options: {
    config: {
      type: 'string',
      short: 'c',
      value: 'file',
      help: 'The configuration file, whose auth-file names the password file. Default: posthouse.yaml',
    },
    file: {
      type: 'string',
      short: 'f',
      value: 'file',
      help: 'The password file itself, without a configuration',
    },
    scheme: {
      type: 'string',
      value: 'name',
      help: 'How the password is stored: scrypt or scram-sha-256. Default: scrypt. SCRAM is offered when all users have it',
    },
    delete: { type: 'boolean', help: 'Remove the user' },
    verify: { type: 'boolean', help: 'Try the password: the exit code is 0 when it is right' },
  },
  async run(given, shell) {
    const [user, ...more] = given.words;
    if (user === undefined || more.length > 0) throw new UsageError('say which user');
    if (given.options.delete === true && given.options.verify === true)
      throw new UsageError('--delete and --verify exclude each other');
    const tool = (await importPackage(PLUGIN, process.cwd())) as unknown as PasswordFileTool;
    const path = await passwordFile(given, shell);
    try {
      return await act(tool, path, user, given, shell);
    } catch (error) {
      if (error instanceof PosthouseError || error instanceof UsageError) throw error;
      shell.say(`${(error as Error).message}\n`);
      return FAILED;
    }
  },
};

async function act(
  tool: PasswordFileTool,
  path: string,
  user: string,
  { options }: Given,
  shell: Shell,
): Promise<number> {
  if (options.delete === true) {
    const was = await tool.deleteUser(path, user);
    shell.say(was ? `${user} is removed from ${path}\n` : `there is no ${user} in ${path}\n`);
    return was ? OK : FAILED;
  }
  if (options.verify === true) {
    const right = await tool.verifyPassword(path, user, await shell.askSecret('Password: '));
    const said =
      right === undefined ? `there is no ${user}` : right ? 'the password is right' : 'the password is wrong';
    shell.say(`${said}\n`);
    return right === true ? OK : FAILED;
  }
  const password = await shell.askSecret(`New password for ${user}: `, 'Again: ');
  const scheme = typeof options.scheme === 'string' ? options.scheme : undefined;
  const what = await tool.setPassword(path, user, password, scheme);
  shell.say(`${user} is ${what} in ${path}\n`);
  return OK;
}

async function passwordFile(given: Given, shell: Shell): Promise<string> {
  const { file } = given.options;
  if (typeof file === 'string') return resolve(file);
  const definition = await loadConfiguration(configFile(given), shell.environment);
  const paths = definition.plugins
    .filter(({ spec }) => spec.name === 'auth-file')
    .map(({ config }) => config.path as string);
  const [path] = paths;
  if (path === undefined)
    throw new UsageError(`${configFile(given)} uses no auth-file; name the file with --file`);
  if (paths.length > 1)
    throw new UsageError(`${configFile(given)} uses several password files; name one with --file`);
  return path;
}
