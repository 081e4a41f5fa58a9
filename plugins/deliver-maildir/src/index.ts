// Delivers into Maildirs, one for each recipient: claims by domain, and turns each write into an outcome.
// Not for: deciding which mailboxes exist (accept-domains), quotas, filing into subfolders.

import {
  Chance,
  Clock,
  type Delivery,
  definePlugin,
  FilePath,
  Outcome,
  PosthouseError,
  type Recipient,
  ServerIdentity,
  Type,
} from '@posthouse/core';
import { Mailboxes } from './mailboxes.ts';
import { MaildirPaths } from './maildir-paths.ts';
import { UniqueNames } from './unique-names.ts';

/**
 * Deliveries that run at a time: what waits for the disk together, its journal makes durable together. A mailbox is no
 * next hop that could be overcharged.
 */
const DELIVERIES = 200;
/** Recipients of one delivery that are written at a time. */
const PARALLEL = 32;

export default definePlugin({
  name: 'deliver-maildir',
  config: Type.Object(
    {
      domains: Type.Array(Type.String(), { minItems: 1, description: 'The domains whose mail lands here.' }),
      path: FilePath({
        default: './var/mail/{domain}/{local}',
        description:
          'The Maildir of a recipient; `{domain}` and `{local}` stand for the parts of its address.',
      }),
      recipientDelimiter: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1,
          description: 'With `+`, mail for `info+anything` lands with `info`.',
        }),
      ),
      lineEnds: Type.With(Type.Union([Type.Literal('crlf'), Type.Literal('lf')]), {
        default: 'crlf',
        description:
          '`crlf` keeps the message octet for octet; `lf` writes the line ends of Unix, but for binary messages (RFC 3030).',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock, chance: Chance, identity: ServerIdentity },
  setup({ config, clock, chance, identity }) {
    const paths = new MaildirPaths(config);
    const names = new UniqueNames(clock, chance, identity.hostname);
    const mailboxes = new Mailboxes(names, config.lineEnds);
    return {
      describe: () => `mail for ${config.domains.join(', ')} lands in ${config.path}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => paths.domainOf(domain),
          deliver: (delivery) => deliverAll(delivery, mailboxes, paths),
          laneConcurrency: DELIVERIES,
        },
      },
      stop: () => mailboxes.close(),
    };
  },
});

async function deliverAll(
  delivery: Delivery,
  mailboxes: Mailboxes,
  paths: MaildirPaths,
): Promise<Outcome | undefined> {
  const { recipients } = delivery;
  const [first] = recipients;
  if (first !== undefined && recipients.length === 1) return deliverOne(delivery, first, mailboxes, paths);
  const waiting = recipients.values();
  const work = async () => {
    for (const recipient of waiting) {
      await delivery.settle(recipient, await deliverOne(delivery, recipient, mailboxes, paths));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, recipients.length) }, work));
  return undefined;
}

async function deliverOne(
  delivery: Delivery,
  recipient: Recipient,
  mailboxes: Mailboxes,
  paths: MaildirPaths,
): Promise<Outcome> {
  const folder = paths.folderOf(recipient.address);
  try {
    await mailboxes.write(folder, recipient, delivery);
    return Outcome.delivered();
  } catch (error) {
    // A body that is gone or a store that fails is no trouble of the mailbox.
    if (error instanceof PosthouseError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    delivery.log.error({ folder, code, error: message }, 'Maildir not written');
    return outcomeOf(code);
  }
}

/** What the sender may read of our trouble: the path stays in the log. */
function outcomeOf(code: string | undefined): Outcome {
  if (code === 'EDQUOT') return Outcome.deferred('4.2.2', 'The mailbox is full');
  if (code === 'ENOSPC')
    return Outcome.deferred('4.3.1', 'The mail system is full', { scope: 'destination' });
  return Outcome.deferred('4.3.0', 'The mailbox cannot be written at the moment');
}
