// The plugin by itself and in a house, its signatures checked by mailauth.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, Mailer, type SessionView, Verdict } from '@posthouse/core';
import { deliverMemory, mount, openHouse } from '@posthouse/core/testing';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import signDkim from '../src/index.ts';
import { ed25519Key, recordOf, rsaKey } from './keys.ts';

type Input = Parameters<typeof signDkim>[0];

const KEYS = [
  { domain: 'example.org', selector: 'rsa', key: rsaKey, subdomains: true },
  { domain: 'example.org', selector: 'ed', key: ed25519Key, subdomains: true },
  { domain: 'provider.example', selector: 'p', key: ed25519Key, subdomains: false },
];
const RECORDS: Readonly<Record<string, string>> = {
  'rsa._domainkey.example.org': recordOf(rsaKey),
  'ed._domainkey.example.org': recordOf(ed25519Key),
  'p._domainkey.provider.example': recordOf(ed25519Key),
};
const ANN: Partial<SessionView> = { user: 'ann' };

const message = (from = 'Ann <ann@example.org>', body = 'Hello,  world \r\n\r\n-- \r\nAnn\r\n\r\n'): string =>
  `Subject: a long\r\n\tsubject\r\nFrom: ${from}\r\nTo: bob@else.example\r\nX-Other: y\r\n\r\n${body}`;

/** `d=/s=: result` of each signature. */
async function verified(content: string | Uint8Array): Promise<readonly string[]> {
  const { results } = await dkimVerify(Buffer.from(content), {
    resolver: async (name: string) => {
      const record = RECORDS[name];
      if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [[record]];
    },
  });
  const signatures = results.filter(({ status }) => status.result !== 'none');
  return signatures.map(
    ({ signingDomain, selector, status }) => `${selector}/${signingDomain}: ${status.result}`,
  );
}

/** The message signed by a mounted plugin; as it was where nothing signs. */
async function signed(
  config: Partial<NonNullable<Input>>,
  content: string,
  details: { readonly session?: Partial<SessionView>; readonly sender?: string } = { session: ANN },
): Promise<string> {
  await using plugin = await mount(signDkim({ keys: KEYS, ...config }));
  await plugin.ask('on-data', details);
  return (await plugin.signatures(content)) + content;
}

const BOTH = ['rsa/example.org: pass', 'ed/example.org: pass'];

for (const canonicalization of [
  'relaxed/relaxed',
  'relaxed/simple',
  'simple/relaxed',
  'simple/simple',
] as const) {
  test(`${canonicalization}: both signatures verify, for bodies of every shape`, async () => {
    for (const body of [
      '',
      '\r\n',
      ' \r\n',
      'a',
      'a \t b \r\n\r\n',
      `${'x '.repeat(50_000)}\r\n`,
      'ä€\r\n',
    ]) {
      assert.deepEqual(await verified(await signed({ canonicalization }, message(undefined, body))), BOTH);
    }
  });
}

test('every line of a signature is short', async () => {
  const content = await signed({}, message());
  const lines = content.slice(0, content.indexOf('Subject:')).split('\r\n');
  assert.ok(
    lines.every((line) => line.length <= 78),
    lines.join('\n'),
  );
});

test('what arrives changed does not verify: the check can fail', async () => {
  const content = await signed({}, message());
  const failed = ['rsa/example.org: fail', 'ed/example.org: fail'];
  assert.deepEqual(await verified(content.replace('Hello', 'Hallo')), [
    'rsa/example.org: neutral',
    'ed/example.org: neutral',
  ]);
  assert.deepEqual(await verified(content.replace('Subject: a', 'Subject: b')), failed);
  // Oversigned: another field of that name cannot be added.
  assert.deepEqual(await verified(content.replace('From:', 'Reply-To: eve@evil.example\r\nFrom:')), failed);
  // White space is what relaxed lets pass, and a field that is not signed may come.
  assert.deepEqual(
    await verified(content.replace('\r\n\tsubject', ' subject').replace('X-Other: y', 'X-Other: z')),
    BOTH,
  );
});

test('expire and the time come from the clock', async () => {
  const content = await signed({ expire: '1d' as never }, message());
  const [, at, until] = /\tt=(\d+); x=(\d+);/.exec(content) ?? [];
  assert.equal(Number(until) - Number(at), 86_400);
});

const occasions: readonly (readonly [
  what: string,
  when: object,
  session: Partial<SessionView>,
  signs: boolean,
])[] = [
  ['an authenticated client', {}, ANN, true],
  ['a stranger', {}, {}, false],
  ['an authenticated client, switched off', { authenticated: false }, ANN, false],
  ['a trusted network', { networks: ['192.0.2.0/24'] }, {}, true],
  ['a mapped address of it', { networks: ['192.0.2.0/24'] }, { remoteAddress: '::ffff:192.0.2.9' }, true],
  ['an address outside', { networks: ['192.0.2.128/25', '2001:db8::/32'] }, {}, false],
  ['IPv6', { networks: ['2001:db8::/32'] }, { remoteAddress: '2001:db8::1' }, true],
  ['a listener', { listeners: ['mx'] }, {}, true],
  ['another listener', { listeners: ['submission'] }, {}, false],
];
for (const [what, when, session, signs] of occasions) {
  test(`who is signed for: ${what}`, async () => {
    assert.deepEqual(
      await verified(await signed({ when } as never, message(), { session })),
      signs ? BOTH : [],
    );
  });
}

const choices: readonly (readonly [
  what: string,
  config: object,
  from: string,
  sender: string,
  signatures: readonly string[],
])[] = [
  ['the domain of From', {}, 'ann@example.org', 'x@else.example', BOTH],
  ['a domain below, where the key stands for it', {}, 'ann@news.example.org', '', BOTH],
  ['a domain without a key', {}, 'ann@else.example', 'ann@example.org', []],
  ['a domain below a key that does not stand for it', {}, 'a@sub.provider.example', '', []],
  ['the sender, when asked', { domainOf: 'sender' }, 'ann@else.example', 'ann@example.org', BOTH],
  ['the sender is not asked for a bounce', { domainOf: 'sender' }, 'ann@example.org', '', []],
  [
    'the sender where From has no key',
    { domainOf: 'from-or-sender' },
    'a@else.example',
    'b@provider.example',
    ['p/provider.example: pass'],
  ],
  ['From where it has one', { domainOf: 'from-or-sender' }, 'ann@example.org', 'b@provider.example', BOTH],
  [
    'the provider besides',
    { also: ['provider.example'] },
    'ann@example.org',
    '',
    [...BOTH, 'p/provider.example: pass'],
  ],
  [
    'the provider alone',
    { also: ['provider.example'] },
    'ann@else.example',
    '',
    ['p/provider.example: pass'],
  ],
  ['two authors', {}, 'a@provider.example, ann@example.org', '', ['p/provider.example: pass', ...BOTH]],
  ['two From fields are nobody', {}, 'ann@example.org\r\nFrom: x@else.example', '', []],
];
for (const [what, config, from, sender, signatures] of choices) {
  test(`who signs: ${what}`, async () => {
    const content = await signed(config, message(from), { session: ANN, sender });
    assert.deepEqual(await verified(content), signatures);
  });
}

test('nobody signs twice with one key', async () => {
  const once = await signed({}, message());
  assert.equal(await signed({}, once), once);
});

const mistakes: readonly (readonly [config: object, message: RegExp])[] = [
  [{ also: ['else.example'] }, /sign-dkim: also\[0\] "else\.example" has no key in keys/],
  [{ headers: ['Received'] }, /Received must not be signed/],
  [{ when: { networks: ['10.0.0.0/33'] } }, /when\.networks\[0\] "10\.0\.0\.0\/33" is not an IP network/],
  [{ domainOf: 'author' }, /domainOf/],
];
for (const [config, text] of mistakes) {
  test(`refused at the start: ${JSON.stringify(config)}`, async () => {
    await assert.rejects(mount(signDkim({ keys: KEYS, ...config } as never)), text);
  });
}

test('the signature covers what other plugins change, whatever their place in the list', async () => {
  const accepts = definePlugin({
    name: 'accepts',
    setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
  });
  const edits = definePlugin({
    name: 'edits',
    setup: () => ({
      hooks: {
        'on-data': ({ edits: list }) => {
          list.replaceHeader('Subject', 'changed');
          list.prependHeader('Reply-To', 'ann@example.org');
          list.rewriteBody(async function* (body) {
            yield* body;
            yield Buffer.from('footer\r\n');
          });
        },
      },
    }),
  });
  const transport = deliverMemory();
  const when = { listeners: ['mx'], authenticated: true, networks: [] };
  await using house = await openHouse({
    plugins: [signDkim({ keys: KEYS, when }), edits(), accepts(), transport],
  });
  await house.talk(
    [
      'S: 220 *',
      'C: HELO client.example',
      'S: 250 *',
      'C: MAIL FROM:<ann@example.org>',
      'S: 250 *',
      'C: RCPT TO:<bob@else.example>',
      'S: 250 *',
      'C: DATA',
      'S: 354 *',
      'C: From: ann@example.org',
      'C: Subject: old',
      'C:',
      'C: hello',
      'C: .',
      'S: 250 *',
    ].join('\n'),
  );
  const [delivered] = await transport.delivered(1);
  const content = delivered?.content ?? '';
  assert.match(
    content,
    /^DKIM-Signature: v=1; a=rsa-sha256;[\s\S]*\r\nReply-To: [\s\S]*Received: [\s\S]*footer\r\n$/,
  );
  assert.deepEqual(await verified(content), BOTH);
});

test('mail that a plugin writes is signed whatever `when` says, where there is a key for its domain', async () => {
  let mailer: Mailer | undefined;
  const writes = definePlugin({
    name: 'writes',
    needs: { mailer: Mailer },
    setup(tools) {
      mailer = tools.mailer;
      return {};
    },
  });
  const transport = deliverMemory();
  await using _house = await openHouse({
    plugins: [
      signDkim({ keys: KEYS, when: { authenticated: false, networks: [], listeners: [] } }),
      writes(),
      transport,
    ],
  });
  for (const from of ['reports@example.org', 'reports@else.example'])
    await mailer?.send({
      sender: '',
      recipients: ['bob@else.example'],
      content: {
        fields: [
          ['From', from],
          ['Subject', 'Report Domain: a.example'],
        ],
        multipart: 'mixed',
        parts: [{ type: 'application/gzip', content: new Uint8Array(200) }],
      },
    });
  const [first, second] = await transport.delivered(2);
  assert.deepEqual(await verified(first?.content ?? ''), BOTH);
  assert.doesNotMatch(second?.content ?? '', /DKIM-Signature/);
});
