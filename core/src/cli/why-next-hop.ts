// What a story says of the hosts that mail was to go to: by whose word TLS was asked for, who can mend it, and whether a
// message may arrive twice. Pure. Facts are partly from outside: they are made visible before they are put into a sentence.

import type { TracedEvent } from '../contract/index.ts';
import { visible } from './columns.ts';

type Facts = TracedEvent['facts'];

export function nextHopSentences(events: readonly TracedEvent[]): readonly string[] {
  // What a host said last is what counts.
  const last = new Map<string, Facts>();
  for (const { name, facts } of events)
    if (name === 'exchange-finished') last.set(`${facts.item} ${facts.host} ${facts.address}`, facts);
  const exchanges = [...last.values()];
  const statuses = new Set(
    events.flatMap(({ name, facts }) =>
      name === 'recipient-settled' ? [String((facts.outcome as Facts).status)] : [],
    ),
  );
  return [
    ...exchanges.flatMap((facts) => policySentence(facts) ?? []),
    ...exchanges.flatMap(lostReply),
    ...(statuses.has('5.7.10') || statuses.has('5.7.30') ? [REQUIRETLS] : []),
    ...ownWish(exchanges, statuses),
  ];
}

/** RFC 8689 §4.2.1 */
const REQUIRETLS =
  'Its sender asked for good TLS on the whole way (REQUIRETLS), and somebody on it cannot give that: he may send it again without.';

function policySentence({ host, policy, policyFault, trouble }: Facts): string | undefined {
  if (policy === undefined) return undefined;
  const name = shown(host);
  const [, mode, domain = ''] = /^mta-sts (enforce|testing) \((.*)\)$/s.exec(String(policy)) ?? [];
  if (mode === 'testing' && policyFault !== undefined)
    return `${name} does not keep the MTA-STS policy of ${shown(domain)}: ${shown(policyFault)}. Mail goes there all the same, since that policy is in testing; report-tls can tell the domain.`;
  if (trouble === undefined) {
    const [, why] = /^mta-sts \(no policy: (.*)\)$/s.exec(String(policy)) ?? [];
    return why === undefined
      ? undefined
      : `The MTA-STS policy of the domain of ${name} could not be had (${shown(why)}), so nothing was asked of its certificate.`;
  }
  if (mode === 'enforce')
    return `That is what ${shown(domain)} itself asks for: by its MTA-STS policy (https://mta-sts.${shown(domain)}/.well-known/mta-sts.txt) mail may only go to hosts that it names, under TLS and with a good certificate. The administrator of ${name} must mend the host or the policy; tlsPolicies of deliver-smtp can leave the policy aside.`;
  if (!String(policy).startsWith('dane')) return undefined;
  if (/TLSA records are not known/.test(String(trouble)))
    return `Whether ${name} has TLSA records (DANE) could not be found out, and so nothing is sent: its DNSSEC is broken, or dnssec.resolvers of deliver-smtp do not answer. Ask one of them: dig +dnssec TLSA _25._tcp.${name}`;
  if (/DANE is required by us/.test(String(trouble)))
    return `It is tls or tlsPolicies of deliver-smtp (dane-only) that asks for DANE, which ${name} does not have.`;
  return `${name} publishes TLSA records (DANE) that its TLS does not keep to: its administrator must mend the certificate or the records. tlsPolicies of deliver-smtp can leave them aside.`;
}

/** RFC 1047 */
function lostReply({ host, replies }: Facts): readonly string[] {
  if (!Array.isArray(replies)) return [];
  if (!replies.some(({ command, reply }: Facts) => command === 'message' && reply === null)) return [];
  return [
    `The connection to ${shown(host)} was lost between the end of the message and its reply: whether it was taken nobody knows, so it is sent again and may arrive twice.`,
  ];
}

/** 4.7.4 and 4.7.5 where nobody but the operator has asked for TLS. */
function ownWish(exchanges: readonly Facts[], statuses: ReadonlySet<string>): readonly string[] {
  if (!statuses.has('4.7.4') && !statuses.has('4.7.5')) return [];
  return exchanges
    .filter(({ policy, trouble }) => policy === undefined && trouble !== undefined)
    .map(
      ({ host, transport }) =>
        `It is your configuration that asks ${shown(host)} for TLS (tls and tlsPolicies of ${shown(transport)}), and nothing that its domain has published.`,
    );
}

function shown(value: unknown): string {
  return visible(String(value));
}
