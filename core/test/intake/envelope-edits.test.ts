// Edits that change the envelope, and fields that are folded already, as they come out of the commit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DataAsked, definePlugin, type HookTable, mailbox, Verdict } from '../../src/index.ts';
import { deliverMemory, openHouse } from '../../src/testing/index.ts';

type Answer = HookTable['on-data']['answer'];

async function housed(
  edit: (asked: DataAsked) => Answer | undefined,
  more: readonly string[] = [],
  listener = {},
) {
  const edits = definePlugin({
    name: 'edits',
    setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept(), 'on-data': edit } }),
  });
  const far = deliverMemory();
  const house = await openHouse({
    plugins: [edits(), far],
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, ...listener }],
  });
  const send = (reply: string) =>
    house.talk(
      [
        'S: 220 *',
        'C: HELO client.example',
        'S: 250 *',
        'C: MAIL FROM:<ann@client.example>',
        'S: 250 *',
        ...['bob', ...more].flatMap((local) => [`C: RCPT TO:<${local}@house.example>`, 'S: 250 *']),
        'C: DATA',
        'S: 354 *',
        'C: Subject: x',
        'C:',
        'C: hello',
        'C: .',
        `S: ${reply}`,
      ].join('\n'),
    );
  return { house, far, send, [Symbol.asyncDispose]: () => house.stop() };
}

test('a recipient who is added gets the message too, once, and another sender is the one that it goes on with', async () => {
  await using house = await housed(({ edits }) => {
    for (const address of ['spy@house.example', 'bob@house.example', 'spy@house.example'])
      edits.addRecipient(mailbox(address));
    edits.changeSender(mailbox('other@client.example'));
    return undefined;
  });
  await house.send('250 *');
  const [message] = await house.far.delivered(1);
  assert.deepEqual(message?.recipients, ['bob@house.example', 'spy@house.example']);
  assert.equal(message?.sender, 'other@client.example');
  const [queued] = house.house.events('message-queued');
  assert.deepEqual(queued?.recipients, ['bob@house.example', 'spy@house.example']);
  assert.equal(queued?.sender, 'other@client.example');
});

test('the sender may become the null path', async () => {
  await using house = await housed(({ edits }) => void edits.changeSender(null));
  await house.send('250 *');
  assert.equal((await house.far.delivered(1))[0]?.sender, '');
});

test('a message that is discarded for its recipients still goes to the one who was added', async () => {
  await using house = await housed(({ edits, recipients }) => {
    edits.addRecipient(mailbox('trap@house.example'));
    return Verdict.perRecipient(new Map(recipients.map((each) => [each, Verdict.discard('trapped')])));
  });
  await house.send('250 *');
  assert.deepEqual((await house.far.delivered(1))[0]?.recipients, ['trap@house.example']);
});

for (const [what, verdict, held] of [
  ['discarded', Verdict.discard('x'), 0],
  ['quarantined', Verdict.quarantine('x'), 1],
  ['rejected', Verdict.reject('5.7.1', 'No'), 0],
] as const) {
  test(`where the whole message is ${what}, who was added shares its fate`, async () => {
    await using house = await housed(({ edits }) => {
      edits.addRecipient(mailbox('spy@house.example'));
      return verdict;
    });
    await house.send(what === 'rejected' ? '550 5.7.1 No' : '250 *');
    assert.equal(house.house.events('message-queued').filter((event) => event.held).length, held);
    assert.equal(house.far.messages.length, 0);
  });
}

test('what is no address is no recipient and no sender', async () => {
  await using house = await housed(({ edits }) => {
    assert.throws(() => edits.addRecipient('not an address' as never), TypeError);
    assert.throws(() => edits.changeSender('<>' as never), TypeError);
    return undefined;
  });
  await house.send('250 *');
});

test('a field that is folded already stays as it is', async () => {
  const value = `v=1;  a=x;\r\n\tb=${'y'.repeat(100)}\r\n\t z`;
  await using house = await housed(({ edits }) => {
    edits.prependHeader('DKIM-Signature', value);
    for (const bad of ['a\r\nB: c', 'a\n b', 'a\r b', 'a\r\n \r\n b', 'a\r\n ', 'a\r\n\r\n b'])
      assert.throws(() => edits.prependHeader('X', bad), TypeError, JSON.stringify(bad));
    return undefined;
  });
  await house.send('250 *');
  assert.ok((await house.far.delivered(1))[0]?.content.startsWith(`DKIM-Signature: ${value}\r\nReceived: `));
});

async function prioritiesOf(house: Awaited<ReturnType<typeof housed>>): Promise<readonly unknown[]> {
  const { entries } = await house.house.server.house.store.find({}, 10);
  return entries.map(({ item }) => item.priority);
}

test('the last plugin to set a priority has its way, and an unknown one is refused', async () => {
  await using house = await housed(({ edits }) => {
    edits.setPriority('high');
    edits.setPriority('bulk');
    assert.throws(() => edits.setPriority('urgent' as never), TypeError);
    return Verdict.quarantine('look at it');
  });
  await house.send('250 *');
  assert.deepEqual(await prioritiesOf(house), ['bulk']);
});

test('without a plugin’s word the listener’s priority holds, and a plugin may make it normal again', async () => {
  for (const [said, kept] of [
    [undefined, 'high'],
    ['normal', undefined],
  ] as const) {
    await using house = await housed(
      ({ edits }) => {
        if (said !== undefined) edits.setPriority(said);
        return Verdict.quarantine('look at it');
      },
      [],
      { priority: 'high' },
    );
    await house.send('250 *');
    assert.deepEqual(await prioritiesOf(house), [kept]);
  }
});
