// Opens the closed house for its own domains, and refuses mailboxes there that nobody knows.
// Not for: relaying for trusted clients (accept-networks), other names of a mailbox (route-aliases).

import { readFile } from 'node:fs/promises';
import {
  definePlugin,
  FilePath,
  type HookTable,
  PosthouseError,
  type RcptAsked,
  Type,
  Verdict,
} from '@posthouse/core';
import { Directory } from './directory.ts';
import { parseMailboxFile } from './mailbox-file.ts';

export default definePlugin({
  name: 'accept-domains',
  config: Type.Object(
    {
      domains: Type.Array(Type.String(), { minItems: 1, description: 'The domains that are ours.' }),
      mailboxes: Type.Optional(
        Type.Record(Type.String(), Type.Array(Type.String()), {
          description:
            'For each domain the local parts that exist. A domain without an entry takes every local part.',
        }),
      ),
      mailboxFile: Type.Optional(
        FilePath({
          description:
            'A file with one address a line and `#` comments, read at the start. With it every domain takes only the mailboxes listed.',
        }),
      ),
      recipientDelimiter: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1,
          description: 'With `+`, `info+anything` is known when `info` is.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const directory = new Directory(config.domains, config.recipientDelimiter);
    for (const [domain, locals] of Object.entries(config.mailboxes ?? {})) {
      directory.list(domain, `mailboxes["${domain}"]`);
      for (const [index, local] of locals.entries())
        directory.add(local, domain, `mailboxes["${domain}"][${index}]`);
    }
    return {
      describe: () => `accepts mail for ${config.domains.join(', ')}`,
      // Late, so that whoever knows further names of our domains has claimed them before we call them unknown.
      hooks: { 'on-rcpt': { order: 'late', handler: (asked) => judge(asked, directory) } },
      async start() {
        const file = config.mailboxFile;
        if (file === undefined) return;
        for (const domain of config.domains) directory.list(domain, file);
        for (const { address, where } of parseMailboxFile(await read(file), file)) {
          directory.add(address.local, address.domain, where);
        }
      },
      rehearse: 'start',
    };
  },
});

function judge({ recipient, claimed }: RcptAsked, directory: Directory): HookTable['on-rcpt']['answer'] {
  const found = directory.find(recipient);
  if (found === 'known') return Verdict.accept();
  if (found === 'foreign' || claimed) return Verdict.continue();
  if (found === 'unknown')
    return Verdict.reject('5.1.1', 'No such mailbox here', { reason: 'domains.unknown-mailbox' });
  return Verdict.reject('5.7.1', 'Routing through addresses is not done here', {
    reason: 'domains.routed-address',
  });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new PosthouseError('config-invalid', `mailboxFile ${file} cannot be read`, { cause });
  }
}
