import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, fakeClock, mount, openHouse, scriptedHop } from '@posthouse/core/testing';
import checkRecipientsPlugin from '../src/index.ts';

/** As people write it: what is left out has its default. */
const checkRecipients = (config: object) =>
  checkRecipientsPlugin(config as Parameters<typeof checkRecipientsPlugin>[0]);

const folder = mkdtempSync(join(tmpdir(), 'check-recipients-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'mailboxes');
writeFileSync(path, 'Ann@a.example\ninfo@a.example\n@all.example\n');
const file = { path };
const domains = ['a.example', 'all.example', 'straße.example'];
const UNKNOWN = Verdict.reject('5.1.1', 'No such mailbox here', { reason: 'recipients.unknown' });

async function verdicts(config: object, recipients: readonly string[], more: object = {}) {
  const given = { domains, file, ...config };
  await using plugin = await mount(checkRecipients(given));
  const found = [];
  for (const recipient of recipients) found.push(await plugin.ask('on-rcpt', { recipient, ...more }));
  return found;
}

test('a known mailbox is accepted, an unknown one refused, and other domains are not ours to judge', async () => {
  assert.deepEqual(
    await verdicts({}, [
      'ann@a.example',
      'ANN@A.example',
      'eve@a.example',
      'anybody@all.example',
      'eve@b.example',
    ]),
    [Verdict.accept(), Verdict.accept(), UNKNOWN, Verdict.accept(), Verdict.continue()],
  );
});

test('RFC 5321 §4.5.1: the postmaster is always there', async () => {
  assert.deepEqual(await verdicts({}, ['Postmaster@a.example']), [Verdict.accept()]);
});

test('without `accepts` it only refuses', async () => {
  assert.deepEqual(await verdicts({ accepts: false }, ['ann@a.example', 'eve@a.example']), [
    Verdict.continue(),
    UNKNOWN,
  ]);
});

test('what is behind the delimiter is no part of the mailbox, where there is one', async () => {
  const recipients = ['info+news@a.example', '+news@a.example'];
  assert.deepEqual(await verdicts({}, recipients), [UNKNOWN, UNKNOWN]);
  assert.deepEqual(await verdicts({ recipientDelimiter: '+' }, recipients), [Verdict.accept(), UNKNOWN]);
});

test('recipients that another plugin has claimed are looked up too, or let through', async () => {
  assert.deepEqual(await verdicts({}, ['eve@a.example'], { claimed: true }), [UNKNOWN]);
  assert.deepEqual(await verdicts({ claimed: 'pass' }, ['eve@a.example'], { claimed: true }), [
    Verdict.continue(),
  ]);
});

for (const [unanswered, accepts, expected] of [
  ['defer', true, 'defer'],
  ['pass', true, 'accept'],
  ['pass', false, 'continue'],
] as const) {
  test(`a source that cannot tell: unanswered: ${unanswered}, accepts: ${accepts}`, async () => {
    const http = { url: 'http://127.0.0.1:1/{address}' };
    const [verdict] = await verdicts({ file: undefined, http, unanswered, accepts }, ['ann@a.example']);
    assert.equal(verdict?.kind, expected);
  });
}

test('a source that is silent holds a session no longer than its time', async () => {
  await using hop = await scriptedHop({ RCPT: 'SILENCE' });
  const clock = fakeClock();
  const config = { domains, timeout: '3s', nextHop: { host: '127.0.0.1', port: hop.port } };
  await using plugin = await mount(checkRecipients(config), { clock });
  const answer = plugin.ask('on-rcpt', { recipient: 'ann@a.example' });
  await clock.advance(3000);
  const verdict = await answer;
  assert.equal(verdict.kind === 'defer' && verdict.status, '4.3.0');
});

test('needs a source', async () => {
  await assert.rejects(mount(checkRecipients({ domains })), {
    code: 'config-invalid',
    message: /one of file, sql/,
  });
});

test('a dialogue', async () => {
  const aliases = definePlugin({
    name: 'aliases',
    setup: () => ({
      hooks: { 'on-rcpt': ({ recipient }) => (recipient.local === 'sales' ? Verdict.accept() : undefined) },
    }),
  });
  await using house = await openHouse({
    plugins: [aliases(), checkRecipients({ domains, file, claimed: 'pass' }), deliverMemory()],
  });
  await house.talk(`
S: 220 *
C: HELO client.example
S: 250 *
C: MAIL FROM:<bob@client.example>
S: 250 *
C: RCPT TO:<ann@a.example>
S: 250 *
C: RCPT TO:<sales@a.example>
S: 250 *
C: RCPT TO:<eve@a.example>
S: 550 5.1.1 No such mailbox here
C: RCPT TO:<eve@b.example>
S: 550 5.7.1 *
`);
});
