// posthouse try: one message through the real pipeline of a configuration, of which nothing stays; or through two of
// them, and what is different.

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { diff } from 'node:util';
import { loadConfiguration } from '../server/configuration/index.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { harmlessJson } from '../server/harmless-json.ts';
import { type Rehearsal, type RehearsedClient, rehearse } from '../server/rehearsal/index.ts';
import { type Mailbox, mailDate, parseMailbox } from '../smtp/index.ts';
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
import { chosenListener } from './hooks.ts';
import { isAccepted, rehearsalText } from './try-text.ts';

export const tryOut: Command = {
  name: 'try',
  summary: 'Try a message out: who is asked, what each says, where it would go; nothing is kept or sent',
  options: {
    ...CONFIG_OPTION,
    from: { type: 'string', value: 'address', help: 'The sender; <> for that of a bounce' },
    to: { type: 'string', multiple: true, value: 'address', help: 'A recipient; may be given several times' },
    ip: { type: 'string', value: 'address', help: "The client's address. Default: 192.0.2.1" },
    helo: { type: 'string', value: 'name', help: 'What the client calls itself. Default: client.example' },
    message: { type: 'string', value: 'file', help: 'The message. Default: a short one' },
    listener: { type: 'string', value: 'name', help: 'Where the client comes in. Default: the first one' },
    user: {
      type: 'string',
      value: 'name',
      help: 'The client has logged in as; under TLS where there is any',
    },
    tls: { type: 'boolean', help: 'The client uses STARTTLS' },
    diff: {
      type: 'string',
      value: 'file',
      help: 'Another configuration: tell what would be different with it',
    },
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const { options } = given;
    const file = configFile(given);
    if (options.json && options.diff !== undefined)
      throw new UsageError('--json and --diff do not go together');
    const mail = await mailOf(given, shell);
    const now = shell.now();
    const rehearsed = async (of: string): Promise<Rehearsal> => {
      const definition = await loadConfiguration(of, shell.environment);
      return rehearse(definition, clientOf(given, definition, mail), { now });
    };
    const one = await rehearsed(file);
    if (typeof options.diff !== 'string') {
      shell.out(options.json ? harmlessJson(`${JSON.stringify(one, null, 2)}\n`) : rehearsalText(one));
      return isAccepted(one) ? OK : FAILED;
    }
    const other = await rehearsed(options.diff);
    const lines = differences(
      rehearsalText(one, { times: false }).split('\n'),
      rehearsalText(other, { times: false }).split('\n'),
    );
    if (lines.length === 0) shell.out('No difference for this message.\n');
    else shell.out(`--- ${visible(file)}\n+++ ${visible(options.diff)}\n${lines.join('\n')}\n`);
    return lines.length === 0 ? OK : FAILED;
  },
};

type Mail = Omit<RehearsedClient, 'listener'>;

async function mailOf({ options }: Given, shell: Shell): Promise<Mail> {
  const { from, to, ip = '192.0.2.1', helo = 'client.example', user, message } = options;
  if (typeof from !== 'string' || !Array.isArray(to))
    throw new UsageError('say from whom and to whom: --from <address> --to <address>');
  if (typeof ip !== 'string' || isIP(ip) === 0)
    throw new UsageError(`--ip must be an IP address, not ${visible(String(ip))}`);
  if (/[^!-~]/.test(String(helo))) throw new UsageError('--helo must be one word of ASCII');
  const sender = from === '' || from === '<>' ? null : addressOf('--from', from);
  const recipients = (to as readonly string[]).map((each) => addressOf('--to', each));
  return {
    sender,
    recipients,
    address: ip,
    helo: String(helo),
    user: typeof user === 'string' ? user : undefined,
    tls: options.tls === true || user !== undefined,
    message: typeof message === 'string' ? await read(message) : shortMessage(from, recipients, shell.now()),
  };
}

function addressOf(option: string, text: string): Mailbox {
  const address = parseMailbox(text.replace(/^<(.*)>$/, '$1'));
  if (address === undefined) throw new UsageError(`${option} must be a mail address, not ${visible(text)}`);
  return address;
}

function clientOf(given: Given, definition: ResolvedDefinition, mail: Mail): RehearsedClient {
  const first = definition.listeners[0]?.name as string;
  return { ...mail, listener: chosenListener(given, definition) ?? first };
}

/** As it would be on the wire: a file whose lines end in LF alone is a message of this machine. */
async function read(file: string): Promise<Uint8Array> {
  let octets: Buffer;
  try {
    octets = await readFile(file);
  } catch (error) {
    throw new UsageError(`${visible(file)} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (octets.includes('\r\n')) return octets;
  return Buffer.from(octets.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}

function shortMessage(from: string, recipients: readonly Mailbox[], now: number): Uint8Array {
  const lines = [
    `From: <${from.replace(/^<(.*)>$/, '$1') || 'mailer-daemon@client.example'}>`,
    `To: ${recipients.map((each) => `<${each}>`).join(', ')}`,
    `Date: ${mailDate(now)}`,
    'Message-ID: <rehearsal@client.example>',
    'Subject: A rehearsal',
    '',
    'Nobody will ever read this.',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

/** The lines that only one of them has, in their order. */
function differences(before: readonly string[], after: readonly string[]): readonly string[] {
  return diff([...before], [...after]).flatMap(([side, line]) =>
    side === 0 || line.trim() === '' ? [] : [`${side === 1 ? '-' : '+'} ${line}`],
  );
}
