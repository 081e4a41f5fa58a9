// What check-auth says of a message, for tests.

import type { Authenticated } from '../src/row.ts';

export const RECORD = 'v=DMARC1; p=reject; sp=quarantine; adkim=s; pct=50; rua=mailto:r@a.example';

export function facts(
  over: Partial<Authenticated> & { readonly of?: Partial<Authenticated['dmarc']> } = {},
): Authenticated {
  const { of, ...rest } = over;
  return {
    session: 'S1',
    remoteAddress: '192.0.2.1',
    sender: 'ann@mail.a.example',
    spf: { result: 'pass', domain: 'mail.a.example', identity: 'mailfrom' },
    dkim: [{ result: 'fail', domain: 'a.example', selector: 's', reason: 'bad signature' }],
    arc: { result: 'none', sealers: [] },
    dmarc: {
      result: 'pass',
      from: 'a.example',
      record: RECORD,
      policyDomain: 'a.example',
      policy: 'reject',
      spfAligned: true,
      dkimAligned: false,
      ...of,
    },
    applied: 'none',
    ...rest,
  };
}
