import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mailbox, Outcome, Verdict } from '@posthouse/core';
import { deliverMemory, mount, openHouse } from '@posthouse/core/testing';
import routeAliases from '../src/index.ts';

const config = {
  domains: ['d.example'],
  aliases: { sales: ['ann', 'bob@else.example'], ann: ['ann', 'eve@else.example'] },
  recipientDelimiter: '+',
};

test('an alias is claimed at RCPT, so that it is not called unknown later', async () => {
  await using plugin = await mount(routeAliases(config));
  assert.deepEqual(
    await plugin.ask('on-rcpt', { recipient: 'sales+x@d.example' }),
    Verdict.accept({ reason: 'aliases.known' }),
  );
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'nobody@d.example' }), Verdict.continue());
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'sales@else.example' }), Verdict.continue());
});

test('dropping a detail alone is no reason to accept', async () => {
  await using plugin = await mount(routeAliases({ ...config, stripDetail: true }));
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'nobody+x@d.example' }), Verdict.continue());
  assert.equal(await plugin.claim('nobody+x@d.example'), 'aliases');
});

test('an alias is replaced by all that it stands for', async () => {
  await using plugin = await mount(routeAliases(config));
  assert.equal(await plugin.claim('sales@d.example'), 'aliases');
  const outcomes = await plugin.deliver({ recipients: ['sales@d.example'], message: 'x' });
  assert.deepEqual(
    outcomes.get('sales@d.example'),
    Outcome.redirected([mailbox('bob@else.example'), mailbox('ann@d.example'), mailbox('eve@else.example')]),
  );
});

test('several recipients are settled each for itself', async () => {
  await using plugin = await mount(routeAliases(config));
  const outcomes = await plugin.deliver({ recipients: ['sales@d.example', 'ann@d.example'], message: 'x' });
  assert.deepEqual(
    [...outcomes.values()].map((outcome) => outcome?.kind),
    ['redirected', 'redirected'],
  );
});

test('its own results are final, those of others are not', async () => {
  await using plugin = await mount(routeAliases(config));
  assert.equal(await plugin.claim('ann@d.example', { redirectedBy: ['route-aliases'] }), undefined);
  assert.equal(
    await plugin.claim('ann@d.example', { redirectedBy: ['route-aliases', 'route-other'] }),
    'aliases',
  );
});

test('what is no alias is left to the next transport', async () => {
  await using plugin = await mount(routeAliases(config));
  assert.equal(await plugin.claim('nobody@d.example'), undefined);
  assert.equal(await plugin.claim('sales@else.example'), undefined);
});

test('an alias that left the configuration while its message was queued goes on as an ordinary address', async () => {
  await using plugin = await mount(routeAliases(config));
  const outcomes = await plugin.deliver({ recipients: ['former@d.example'], message: 'x' });
  assert.deepEqual(outcomes.get('former@d.example'), Outcome.redirected([mailbox('former@d.example')]));
});

test('aliases come from a file too', async (t) => {
  const file = await fileWith(t, 'root: postmaster\npostmaster: sales\n');
  await using plugin = await mount(routeAliases({ ...config, file }));
  const outcomes = await plugin.deliver({ recipients: ['root@d.example'], message: 'x' });
  assert.deepEqual((outcomes.get('root@d.example') as { to: readonly unknown[] }).to.map(String), [
    'bob@else.example',
    'ann@d.example',
    'eve@else.example',
  ]);
});

test('a bad line of the file, a doubled name and a missing file end the start', async (t) => {
  const bad = await fileWith(t, 'root: |/bin/sh\n');
  await assert.rejects(mount(routeAliases({ ...config, file: bad })), {
    code: 'config-invalid',
    message: `${bad}:1: "|/bin/sh": programs are no targets here, only addresses are`,
  });
  const doubled = await fileWith(t, 'sales: eve\n');
  await assert.rejects(mount(routeAliases({ ...config, file: doubled })), {
    message: /stands in aliases\["sales"\] already/,
  });
  await assert.rejects(mount(routeAliases({ ...config, file: `${bad}.missing` })), {
    code: 'config-invalid',
  });
});

test('in a whole house each target gets the message once, the alias itself included', async () => {
  const memory = deliverMemory();
  await using house = await openHouse({ plugins: [routeAliases(config), memory] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<sender@client.example>
    S: 250 *
    C: RCPT TO:<sales@d.example>
    S: 250 *
    C: RCPT TO:<nobody@d.example>
    S: 550 5.7.1 *
    C: DATA
    S: 354 *
    C: Subject: hello
    C:
    C: Hello
    C: .
    S: 250 *
    C: QUIT
    S: 221 *
  `);
  const messages = await memory.delivered(2);
  assert.deepEqual(messages.flatMap(({ recipients }) => recipients).sort(), [
    'ann@d.example',
    'bob@else.example',
    'eve@else.example',
  ]);
});

async function fileWith(t: { after(then: () => Promise<void>): void }, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'route-aliases-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'aliases');
  await writeFile(file, text);
  return file;
}
