// What an administrator is told of next hops: by whose word TLS was asked for, and what to do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextHopSentences } from '../../src/cli/why-next-hop.ts';
import type { Events, TracedEvent } from '../../src/contract/index.ts';

type Exchanged = Partial<Events['exchange-finished']>;

function story(exchange: Exchanged, status = '4.7.5'): readonly TracedEvent[] {
  const outcome = { kind: 'deferred', status, text: 'x' };
  return [
    {
      at: 0,
      name: 'exchange-finished',
      facts: {
        item: 'I1',
        message: 'M1',
        transport: 'deliver-smtp',
        host: 'mx.b.example',
        address: '192.0.2.25',
        port: 25,
        reused: false,
        replies: [],
        milliseconds: 1,
        ...exchange,
      },
    },
    {
      at: 0,
      name: 'recipient-settled',
      facts: { item: 'I1', message: 'M1', recipient: 'b', outcome, attempt: 1 },
    },
  ];
}

const table: readonly (readonly [string, readonly TracedEvent[], RegExp])[] = [
  [
    'a certificate that TLSA records do not vouch for',
    story({ policy: 'dane', trouble: 'its certificate is not one that its TLSA records vouch for' }),
    /^mx\.b\.example publishes TLSA records \(DANE\) that its TLS does not keep to: its administrator must mend/,
  ],
  [
    'broken DNSSEC',
    story({ policy: 'dane', trouble: 'its TLSA records are not known: SERVFAIL' }),
    /could not be found out, and so nothing is sent: .* Ask one of them: dig \+dnssec TLSA _25\._tcp\.mx\.b\.example$/,
  ],
  [
    'DANE that only we ask for',
    story({ policy: 'dane', trouble: 'DANE is required by us: it has no TLSA records' }),
    /^It is tls or tlsPolicies of deliver-smtp \(dane-only\) that asks for DANE, which mx\.b\.example does not have\.$/,
  ],
  [
    'an MTA-STS policy that is enforced',
    story({
      policy: 'mta-sts enforce (b.example)',
      trouble: 'the MTA-STS policy of b.example does not name it',
    }),
    /^That is what b\.example itself asks for: .*https:\/\/mta-sts\.b\.example\/\.well-known\/mta-sts\.txt.* must mend/,
  ],
  [
    'an MTA-STS policy in testing',
    story({ policy: 'mta-sts testing (b.example)', policyFault: 'its certificate has expired' }, '2.0.0'),
    /^mx\.b\.example does not keep the MTA-STS policy of b\.example: its certificate has expired\. Mail goes there all the same/,
  ],
  [
    'an MTA-STS policy that cannot be had',
    story({ policy: 'mta-sts (no policy: HTTP 404)' }, '2.0.0'),
    /^The MTA-STS policy of the domain of mx\.b\.example could not be had \(HTTP 404\)/,
  ],
  [
    'REQUIRETLS that a host does not offer',
    story({}, '5.7.30'),
    /^Its sender asked for good TLS .*\(REQUIRETLS\)/,
  ],
  [
    'REQUIRETLS and a bad certificate',
    story({ policy: 'requiretls', trouble: 'it is for other.example' }, '5.7.10'),
    /^Its sender asked for good TLS .*\(REQUIRETLS\)/,
  ],
  [
    'TLS that the configuration asks for',
    story({ trouble: 'STARTTLS is not offered' }, '4.7.4'),
    /^It is your configuration that asks mx\.b\.example for TLS \(tls and tlsPolicies of deliver-smtp\)/,
  ],
  [
    'a reply that was lost after the end of the message',
    story({ replies: [{ command: 'message', reply: null, recipients: 1 }] }, '4.4.2'),
    /^The connection to mx\.b\.example was lost between .* it is sent again and may arrive twice\.$/,
  ],
];
for (const [what, events, sentence] of table) {
  test(`${what} has a sentence`, () => {
    const sentences = nextHopSentences(events);
    assert.equal(sentences.length, 1);
    assert.match(sentences[0] ?? '', sentence);
  });
}

test('what a host said before it did better is over', () => {
  const before = story({
    policy: 'dane',
    trouble: 'its certificate is not one that its TLSA records vouch for',
  });
  const after = story({ policy: 'dane' }, '2.0.0');
  assert.deepEqual(nextHopSentences([...before, ...after]), []);
});

test('what came from outside is shown and not obeyed', () => {
  const [sentence] = nextHopSentences(story({ policy: 'mta-sts (no policy: \u001b[31m\r\n)' }, '2.0.0'));
  assert.doesNotMatch(sentence ?? '', /\p{Cc}/u);
});
