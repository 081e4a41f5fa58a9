// No relay for strangers, by whatever way an address is written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import acceptDomains from '@posthouse/accept-domains';
import acceptNetworks from '@posthouse/accept-networks';
import acceptSubmission from '@posthouse/accept-submission';
import { deliverMemory, openHouse } from '@posthouse/core/testing';

const MAX_ADDRESS = `${'x'.repeat(64)}@${'y'.repeat(63)}.ours.example.elsewhere.example`;

/** What a stranger tries, as it stands behind `RCPT TO:`. */
const PROBES: readonly (readonly [trick: string, path: string])[] = [
  ['an address elsewhere', '<b@elsewhere.example>'],
  ['the percent hack', '<b%elsewhere.example@ours.example>'],
  ['the percent hack through our name', '<b%elsewhere.example@house.example>'],
  ['the percent hack through our address', '<b%elsewhere.example@[198.51.100.1]>'],
  ['the percent hack, quoted', '<"b%elsewhere.example"@ours.example>'],
  ['two percent signs', '<b%elsewhere.example%ours.example@ours.example>'],
  ['a percent-encoded @', '<b%40elsewhere.example@ours.example>'],
  ['a bare percent hack', '<b%elsewhere.example>'],
  ['a source route through us', '<@ours.example:b@elsewhere.example>'],
  ['a source route through our name', '<@house.example:b@elsewhere.example>'],
  ['a source route through our address', '<@[198.51.100.1]:b@elsewhere.example>'],
  ['a longer source route', '<@ours.example,@house.example:b@elsewhere.example>'],
  ['a source route with the percent hack', '<@ours.example:b%elsewhere.example@ours.example>'],
  ['an @ in quotes', '<"b@elsewhere.example"@ours.example>'],
  ['an @ in quotes elsewhere', '<"b@ours.example"@elsewhere.example>'],
  ['an escaped @', '<b\\@elsewhere.example@ours.example>'],
  ['two @', '<b@elsewhere.example@ours.example>'],
  ['two @ the other way', '<b@ours.example@elsewhere.example>'],
  ['a bang path', '<elsewhere.example!b@ours.example>'],
  ['a bang path alone', '<elsewhere.example!b>'],
  ['a bang path in quotes', '<"elsewhere.example!b"@ours.example>'],
  ['a bang path with the percent hack', '<elsewhere.example!b%ours.example@ours.example>'],
  ['our address literal', '<b@[198.51.100.1]>'],
  ['a loopback literal', '<b@[127.0.0.1]>'],
  ['an IPv6 literal', '<b@[IPv6:::1]>'],
  ['an IPv4 address in IPv6 clothes', '<b@[IPv6:::ffff:198.51.100.1]>'],
  ['a literal elsewhere', '<b@[203.0.113.9]>'],
  ['a bare IPv4 address', '<b@198.51.100.1>'],
  ['our name, which is not among our domains', '<b@house.example>'],
  ['localhost', '<b@localhost>'],
  ['a trailing dot elsewhere', '<b@elsewhere.example.>'],
  ['a trailing dot', '<b@ours.example.>'],
  ['a subdomain of ours', '<b@sub.ours.example>'],
  ['our domain as a subdomain elsewhere', '<b@ours.example.elsewhere.example>'],
  ['our domain as the end of another', '<b@notours.example>'],
  ['our domain as the beginning of another', '<b@ours.example2>'],
  ['a full-width dot', '<b@ours\uff0eexample>'],
  ['a soft hyphen elsewhere', '<b@elsewhere\u00ad.example>'],
  ['mixed case elsewhere', '<B@ElseWhere.Example>'],
  ['no brackets', 'b@elsewhere.example'],
  ['a name before the address', 'ours.example <b@elsewhere.example>'],
  ['two addresses', '<b@ours.example>,<c@elsewhere.example>'],
  ['two addresses in one path', '<b@ours.example,c@elsewhere.example>'],
  ['a second address as a parameter', '<b@ours.example> <c@elsewhere.example>'],
  ['a comment', '<b(@ours.example)@elsewhere.example>'],
  ['a NUL before our domain', '<b@elsewhere.example\0@ours.example>'],
  ['a CR before another command', '<b@ours.example\rRCPT TO:<c@elsewhere.example>>'],
  ['no local part', '<@elsewhere.example>'],
  ['only quotes elsewhere', '<""@elsewhere.example>'],
  ['a domain in quotes', '<b@"ours.example">'],
  ['postmaster elsewhere', '<postmaster@elsewhere.example>'],
  ['postmaster with the percent hack', '<postmaster%elsewhere.example@ours.example>'],
  ['a route to postmaster', '<@elsewhere.example:postmaster>'],
  ['an X.400 address', '</S=b/O=elsewhere/@ours.example@elsewhere.example>'],
  ['a very long address', `<${MAX_ADDRESS}>`],
];

const listener = (name: string) => ({ name, host: '127.0.0.1', port: 0 });

/** As houses are built: mail for us at one door, mail of ours at the other, whose keeper a stranger does not pass. */
const open = () =>
  openHouse({
    listeners: [listener('mx'), listener('submission'), listener('strict-submission')],
    plugins: [
      acceptDomains({ domains: ['ours.example'] }),
      acceptNetworks({ networks: ['192.0.2.128/25'] }),
      { use: acceptSubmission({ requireAuth: false }), on: ['submission'] },
      { use: acceptSubmission(), name: 'strict', on: ['strict-submission'] },
      deliverMemory(),
    ],
  });

for (const door of ['mx', 'submission']) {
  test(`no way of writing an address makes the house relay for a stranger, by the door ${door}`, async () => {
    await using house = await open();
    for (const [trick, path] of PROBES) {
      for (const smtputf8 of ['', ' SMTPUTF8']) {
        const wire = JSON.stringify(`RCPT TO:${Buffer.from(path, 'utf8').toString('latin1')}\r\n`);
        const dialogue = [
          'S: 220 *',
          'C: EHLO stranger.example',
          'S: 250-*',
          'S: 250 *',
          `C: MAIL FROM:<postmaster@ours.example>${smtputf8}`,
          'S: 250 *',
          `C> ${wire}`,
          'S: 5*',
          'C: DATA',
          'S: 554 5.5.1 *',
        ];
        await assert.doesNotReject(house.talk(dialogue.join('\n'), { listener: door }), `${trick}: ${path}`);
      }
    }
    assert.equal(house.events('message-queued').length, 0);
  });
}

test('where submission wants a name first, a stranger does not come as far as a recipient', async () => {
  await using house = await open();
  for (const sender of ['<>', '<b@ours.example>', '<b@elsewhere.example>', '<b@ours.example> AUTH=<>']) {
    const dialogue = [
      'S: 220 *',
      'C: EHLO stranger.example',
      'S: 250-*',
      'S: 250 *',
      `C: MAIL FROM:${sender}`,
      'S: 5*',
      'C: RCPT TO:<b@elsewhere.example>',
      'S: 503 *',
      'C: RCPT TO:<b@ours.example>',
      'S: 503 *',
    ];
    await house.talk(dialogue.join('\n'), { listener: 'strict-submission' });
  }
});

test('an address close to a trusted network is not in it', async () => {
  await using house = await open();
  const dialogue =
    'S: 220 *\nC: HELO x.example\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<b@elsewhere.example>\nS: ';
  for (const remoteAddress of [
    '192.0.2.127',
    '192.0.3.128',
    '::ffff:192.0.2.127',
    '2001:db8::c000:280',
    '::192.0.2.128',
  ])
    await house.talk(`${dialogue}550 5.7.1 *`, { remoteAddress });
  await house.talk(`${dialogue}250 *`, { remoteAddress: '192.0.2.128' });
});

test('nor does a sender who says he is one of us, or the null sender', async () => {
  await using house = await open();
  for (const sender of ['<>', '<b@ours.example>', '<@ours.example:b@ours.example>', '<root@[127.0.0.1]>']) {
    const dialogue = [
      'S: 220 *',
      'C: HELO ours.example',
      'S: 250 *',
      `C: MAIL FROM:${sender}`,
      'S: 250 *',
      'C: RCPT TO:<b@elsewhere.example>',
      'S: 550 5.7.1 *',
    ];
    await house.talk(dialogue.join('\n'));
  }
});

test('what is ours is taken, however its domain is written', async () => {
  await using house = await open();
  const ours = [
    '<b@ours.example>',
    '<B@OURS.EXAMPLE>',
    '<postmaster>',
    '<postmaster@ours.example>',
    '<"b c"@ours.example>',
    '<@elsewhere.example:b@ours.example>',
  ];
  const dialogue = [
    'S: 220 *',
    'C: HELO stranger.example',
    'S: 250 *',
    'C: MAIL FROM:<>',
    'S: 250 *',
    ...ours.flatMap((path) => [`C: RCPT TO:${path}`, 'S: 250 *']),
  ];
  await house.talk(dialogue.join('\n'));
});

test('without an accepting plugin nothing is taken at all', async () => {
  await using house = await openHouse({ plugins: [deliverMemory()] });
  const paths = [
    '<b@ours.example>',
    '<postmaster>',
    '<postmaster@house.example>',
    '<b@localhost>',
    '<b@[198.51.100.1]>',
  ];
  const dialogue = [
    'S: 220 *',
    'C: HELO stranger.example',
    'S: 250 *',
    'C: MAIL FROM:<>',
    'S: 250 *',
    ...paths.flatMap((path) => [`C: RCPT TO:${path}`, 'S: 550 5.7.1 *']),
  ];
  await house.talk(dialogue.join('\n'));
});
