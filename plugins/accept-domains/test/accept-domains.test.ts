import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Mailbox, mailbox, Verdict } from '@posthouse/core';
import { mount } from '@posthouse/core/testing';
import acceptDomains from '../src/index.ts';

const ACCEPT = Verdict.accept();
const SILENT = Verdict.continue();
const UNKNOWN = Verdict.reject('5.1.1', 'No such mailbox here', { reason: 'domains.unknown-mailbox' });
const ROUTED = Verdict.reject('5.7.1', 'Routing through addresses is not done here', {
  reason: 'domains.routed-address',
});

const config = {
  domains: ['Open.example', 'listed.example', 'bücher.example', '[192.0.2.7]'],
  mailboxes: { 'listed.example': ['info', 'Sales', 'a%b', 'john doe'] },
  recipientDelimiter: '+',
};

const table: readonly (readonly [what: string, recipient: string, verdict: Verdict])[] = [
  ['any local part of a domain without a list', 'who@open.example', ACCEPT],
  ['the domain without regard to case', 'who@OPEN.Example', ACCEPT],
  ['an internationalised domain in its ASCII form', 'who@xn--bcher-kva.example', ACCEPT],
  ['an internationalised domain in its Unicode form', 'who@BÜCHER.example', ACCEPT],
  ['an address literal that is listed', 'who@[192.0.2.7]', ACCEPT],
  ['an address literal that is not', 'who@[192.0.2.8]', SILENT],
  ['a foreign domain', 'who@elsewhere.example', SILENT],
  ['a subdomain of ours', 'who@sub.open.example', SILENT],
  ['a domain that ends like ours', 'who@notopen.example', SILENT],
  ['a listed mailbox', 'info@listed.example', ACCEPT],
  ['a listed mailbox without regard to case', 'sALES@listed.example', ACCEPT],
  ['a listed mailbox that needs quotes', '"John Doe"@listed.example', ACCEPT],
  ['a quoted spelling of a plain local part', '"info"@listed.example', ACCEPT],
  ['a mailbox that is not listed', 'nobody@listed.example', UNKNOWN],
  ['a detail behind a listed mailbox', 'info+news@listed.example', ACCEPT],
  ['a detail behind an unknown one', 'nobody+news@listed.example', UNKNOWN],
  ['a detail behind nothing', '+news@listed.example', UNKNOWN],
  ['the percent hack in a domain without a list', 'user%elsewhere.example@open.example', ROUTED],
  ['a bang path in a domain without a list', 'elsewhere.example!user@open.example', ROUTED],
  ['a quoted address as local part', '"user@elsewhere.example"@open.example', ROUTED],
  ['the percent hack in a domain with a list', 'user%elsewhere.example@listed.example', UNKNOWN],
  ['a percent sign that is listed', 'a%b@listed.example', ACCEPT],
  ['the postmaster of a domain with a list', 'PostMaster@listed.example', ACCEPT],
  ['the postmaster of a foreign domain', 'postmaster@elsewhere.example', SILENT],
  ['the postmaster without a domain', 'postmaster', ACCEPT],
];

for (const [what, recipient, verdict] of table) {
  test(`${what}: ${verdict.kind}`, async () => {
    await using plugin = await mount(acceptDomains(config));
    assert.deepEqual(await plugin.ask('on-rcpt', { recipient }), verdict);
  });
}

test('no other local part is known without a domain', async () => {
  await using plugin = await mount(acceptDomains(config));
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: new Mailbox('info', '') }), SILENT);
});

test('an unknown mailbox that another plugin claimed is left to it', async () => {
  await using plugin = await mount(acceptDomains(config));
  for (const recipient of ['nobody@listed.example', 'a!b@open.example']) {
    assert.deepEqual(await plugin.ask('on-rcpt', { recipient: mailbox(recipient), claimed: true }), SILENT);
  }
});

test('without a delimiter in the configuration a detail makes another mailbox', async () => {
  await using plugin = await mount(
    acceptDomains({ domains: ['listed.example'], mailboxes: { 'listed.example': ['info'] } }),
  );
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'info+news@listed.example' }), UNKNOWN);
});

test('a mailbox file lists for every domain what there is', async (t) => {
  const file = await fileWith(
    t,
    '# ours\ninfo@listed.example\n\n  Ann@open.example  # the boss\n"a#b"@open.example\n',
  );
  await using plugin = await mount(
    acceptDomains({ domains: ['open.example', 'listed.example'], mailboxFile: file }),
  );
  const answers: readonly (readonly [string, Verdict])[] = [
    ['info@listed.example', ACCEPT],
    ['ann@open.example', ACCEPT],
    ['a#b@open.example', ACCEPT],
    ['info@open.example', UNKNOWN],
    ['postmaster@open.example', ACCEPT],
  ];
  for (const [recipient, verdict] of answers)
    assert.deepEqual(await plugin.ask('on-rcpt', { recipient }), verdict);
});

test('a bad line of the mailbox file is named', async (t) => {
  const file = await fileWith(t, 'info@listed.example\ninfo\n');
  await assert.rejects(mount(acceptDomains({ domains: ['listed.example'], mailboxFile: file })), {
    code: 'config-invalid',
    message: `${file}:2: "info" is not an address`,
  });
});

test('a mailbox file with a foreign domain is refused', async (t) => {
  const file = await fileWith(t, 'info@lsted.example\n');
  await assert.rejects(mount(acceptDomains({ domains: ['listed.example'], mailboxFile: file })), {
    message: `${file}:1: lsted.example is not among the domains`,
  });
});

test('a mailbox file that is not there is refused at the start', async (t) => {
  const file = `${await fileWith(t, '')}.missing`;
  await assert.rejects(mount(acceptDomains({ domains: ['listed.example'], mailboxFile: file })), {
    code: 'config-invalid',
  });
});

const bad: readonly (readonly [
  what: string,
  config: Parameters<typeof acceptDomains>[0],
  message: RegExp,
])[] = [
  [
    'a domain that is none',
    { domains: ['ours.example', 'no domain'] },
    /^domains\[1\]: "no domain" is not a domain name$/,
  ],
  ['a domain with an address in it', { domains: ['who@ours.example'] }, /is not a domain name/],
  [
    'mailboxes of a foreign domain',
    { domains: ['ours.example'], mailboxes: { 'theirs.example': [] } },
    /^mailboxes\["theirs\.example"\]: theirs\.example is not among the domains$/,
  ],
  [
    'a whole address among the local parts',
    { domains: ['ours.example'], mailboxes: { 'ours.example': ['info@ours.example'] } },
    /leave out the domain/,
  ],
];

for (const [what, configuration, message] of bad) {
  test(`the configuration is refused for ${what}`, async () => {
    await assert.rejects(mount(acceptDomains(configuration)), { message });
  });
}

async function fileWith(t: { after(then: () => Promise<void>): void }, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'accept-domains-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'mailboxes');
  await writeFile(file, text);
  return file;
}
