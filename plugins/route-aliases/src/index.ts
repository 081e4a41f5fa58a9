// Redirects aliases, catch-all addresses and forwards to their targets: on-rcpt knows the address, on-deliver replaces it.
// Not for: mailing lists, programs and files as targets, changing the sender of what is forwarded (SRS).

import { readFile } from 'node:fs/promises';
import {
  type Delivery,
  definePlugin,
  FilePath,
  Outcome,
  PosthouseError,
  type Recipient,
  Type,
  Verdict,
} from '@posthouse/core';
import { parseAliasFile } from './alias-file.ts';
import { AliasTable } from './alias-table.ts';

const NAME = 'route-aliases';

export default definePlugin({
  name: NAME,
  config: Type.Object(
    {
      domains: Type.Array(Type.String(), {
        minItems: 1,
        description:
          'The domains whose addresses may be aliases. Names and targets without a domain belong to each of them.',
      }),
      aliases: Type.Optional(
        Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }), {
          description:
            'Targets by name. A name is an address, a local part (in all the domains), or `@domain`: whatever else comes for that domain.',
        }),
      ),
      file: Type.Optional(
        FilePath({
          description: 'A file of `name: target, target` lines, read at the start and added to `aliases`.',
        }),
      ),
      recipientDelimiter: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1,
          description: 'With `+`, `info+anything` goes where `info` goes.',
        }),
      ),
      stripDetail: Type.With(Type.Boolean(), {
        default: false,
        description:
          'Redirect `ann+anything` to `ann` also when `ann` is no alias, for transports that know no delimiter.',
      }),
    },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const table = new AliasTable(config);
    for (const [name, targets] of Object.entries(config.aliases ?? {}))
      table.add(name, targets, `aliases["${name}"]`);
    return {
      hooks: {
        'on-rcpt': ({ recipient }) =>
          table.isAlias(recipient) ? Verdict.accept({ reason: 'aliases.known' }) : undefined,
        'on-deliver': {
          claim(recipient, { redirectedBy }) {
            // An expansion is complete: what it names is final, so that `ann: ann, bob` keeps a copy for ann.
            if (redirectedBy.at(-1) === NAME) return undefined;
            return table.redirects(recipient) ? 'aliases' : undefined;
          },
          deliver: (delivery) => redirectAll(delivery, table),
          sendsNothing: true,
        },
      },
      async start() {
        if (config.file !== undefined) {
          for (const { name, targets, where } of parseAliasFile(await read(config.file), config.file)) {
            table.add(name, targets, where);
          }
        }
        table.check();
      },
      rehearse: 'start',
    };
  },
});

async function redirectAll(delivery: Delivery, table: AliasTable): Promise<Outcome | undefined> {
  const [first, ...others] = delivery.recipients as readonly [Recipient, ...Recipient[]];
  if (others.length === 0) return outcomeFor(first, table);
  await Promise.all(
    delivery.recipients.map((recipient) => delivery.settle(recipient, outcomeFor(recipient, table))),
  );
  return undefined;
}

function outcomeFor({ address }: Recipient, table: AliasTable): Outcome {
  const expansion = table.expand(address);
  switch (expansion.kind) {
    case 'targets':
      return Outcome.redirected(expansion.targets);
    case 'loop':
      return Outcome.failed('5.4.6', 'The alias leads back to itself');
    case 'too-many':
      return Outcome.failed('5.2.4', 'The alias has too many targets');
    case 'none':
      // The configuration changed while the message was queued: the address goes on as an ordinary one.
      return Outcome.redirected([address]);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new PosthouseError('config-invalid', `file ${file} cannot be read`, { cause });
  }
}
