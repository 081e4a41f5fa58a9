// What is asked of the TLS to next hops, in words for whoever reads the configuration.

import type { Config } from './config.ts';

const WORDS: { readonly [level in Config['tls']]: string } = {
  none: 'without TLS',
  may: 'under TLS where it is offered',
  encrypt: 'only under TLS',
  verify: 'only under TLS with a good certificate',
  dane: 'as TLSA records ask (DANE), else under TLS where it is offered',
  'dane-only': 'only to hosts with TLSA records (DANE)',
  'mta-sts': 'as MTA-STS policies ask, else under TLS where it is offered',
  published: 'as TLSA records (DANE) or else MTA-STS policies ask, else under TLS where it is offered',
};
/** Next hops that are named one by one. */
const MOST = 5;

/** `under TLS where it is offered; to bank.example only under TLS with a good certificate`. */
export function tlsInWords({ tls, tlsPolicies }: Pick<Config, 'tls' | 'tlsPolicies'>): string {
  const own = Object.entries(tlsPolicies);
  const shown = own.slice(0, MOST).map(([hop, level]) => `to ${hop} ${WORDS[level]}`);
  const more = own.length > MOST ? [`${own.length - MOST} more in tlsPolicies`] : [];
  return [WORDS[tls], ...shown, ...more].join('; ');
}
