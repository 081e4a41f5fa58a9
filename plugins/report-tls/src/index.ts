// Gathers by day what became of TLS with the hosts that mail went to, and sends each domain that asks for it a report
// (TLS-RPT, RFC 8460). Not for: what others report to us.

import {
  Chance,
  Clock,
  definePlugin,
  LOCAL_NETWORKS,
  Mailer,
  PosthouseError,
  parseMailbox,
  Resolver,
  ServerIdentity,
  TrustedNetworks,
} from '@posthouse/core';
import { DailyReports, Tally } from '@posthouse/core/reporting';
import { ConfigSchema } from './config.ts';
import { postReport } from './post.ts';
import { type Row, rowOf } from './row.ts';
import { ReportSender } from './sender.ts';

/** Where a stranger's server cannot be, besides: this network, shared and link-local addresses (RFC 6890). */
const NO_SERVERS = ['0.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '::/128'];

export default definePlugin({
  name: 'report-tls',
  config: ConfigSchema,
  needs: { mailer: Mailer, resolver: Resolver, clock: Clock, chance: Chance, identity: ServerIdentity },
  setup({ config, mailer, resolver, clock, chance, identity, log }) {
    const { organization, from, postTimeout: timeout, spread } = config;
    if (parseMailbox(from) === undefined)
      throw new PosthouseError('config-invalid', `report-tls: from "${from}" is not a mail address`);
    const excluded = config.exclude.map((domain) => domain.toLowerCase());
    const forbidden = new TrustedNetworks([...LOCAL_NETWORKS, ...NO_SERVERS], 'report-tls');
    const post = (url: string, packed: Uint8Array): Promise<void> =>
      postReport(url, packed, { resolver, clock, forbidden, timeout });
    const reporter = { organization, from, hostname: identity.hostname };
    const sender = new ReportSender({ mailer, resolver, log, post }, reporter, config);
    const tally = new Tally<Row>();
    const reports = new DailyReports(
      { clock, chance, log },
      { ...config, what: 'TLS', tally, send: (day) => sender.send(day) },
    );
    return {
      describe: () => `TLS reports leave as ${from}, within ${spread / 60_000} minutes after each day`,
      observe: {
        'tls-attempted'(facts) {
          const row = rowOf(facts);
          if (row === undefined || isBelow(row.domain.toLowerCase(), excluded)) return;
          tally.add(row);
          reports.counted();
        },
      },
      start: () => reports.start(),
      stop: () => reports.stop(),
    };
  },
});

function isBelow(domain: string, domains: readonly string[]): boolean {
  return domains.some((one) => domain === one || domain.endsWith(`.${one}`));
}
