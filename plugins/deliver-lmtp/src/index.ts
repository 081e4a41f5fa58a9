// Delivers to a mailbox server by LMTP (RFC 2033), which answers for each recipient by itself.
// Not for: relaying over the Internet (RFC 2033 §5 keeps LMTP off port 25 and wide networks); filtering and quotas,
// which are the mailbox server's.

import { Clock, definePlugin, Mailbox, Resolver, ServerIdentity } from '@posthouse/core';
import { ClaimedDomains, Pool, type TransferServices, transfer, withoutDetail } from '@posthouse/core/client';
import { ConfigSchema } from './config.ts';
import { destinationOf, serverOf, targetsOf } from './server.ts';

export default definePlugin({
  name: 'deliver-lmtp',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock, identity: ServerIdentity },
  setup({ config, resolver, clock, identity, log }) {
    const domains = new ClaimedDomains(config.domains);
    const server = serverOf(config);
    const destination = destinationOf(server);
    const settings = {
      ...config,
      protocol: 'lmtp',
      helo: config.helo ?? identity.hostname,
      tls: server.kind === 'socket' ? 'none' : config.tls,
    } as const;
    const pool = new Pool(settings, clock);
    const services: TransferServices = { settings, pool, log, ...addressing(config.recipientDelimiter) };
    return {
      describe: () => `mail for ${config.domains.join(', ')} goes by LMTP to ${destination}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => (domains.find(domain) === undefined ? undefined : destination),
          deliver: (delivery) =>
            transfer(delivery, services, () => targetsOf(server, { resolver, identity }, delivery.signal)),
        },
      },
      start: () => pool.start(),
      rehearse: 'start',
      stop: () => pool.stop(),
    };
  },
});

function addressing(delimiter: string | undefined): Pick<TransferServices, 'addressOf'> {
  if (delimiter === undefined) return {};
  return {
    addressOf: ({ address }) => {
      const local = withoutDetail(address.local, delimiter);
      return local === address.local ? address : new Mailbox(local, address.domain);
    },
  };
}
