import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Counters, definePlugin, Verdict } from '@posthouse/core';
import { fakeClock, mount, openHouse } from '@posthouse/core/testing';
import checkLimits from '../src/index.ts';

const HOUR = 3_600_000;

const from = (remoteAddress: string, user?: string) => ({ session: { remoteAddress, user } });

test('as many messages as the limit says pass, the next has to wait', async () => {
  const clock = fakeClock();
  const limits = [{ count: 'messages' as const, by: 'address' as const, most: 2, per: HOUR }];
  await using plugin = await mount(checkLimits({ limits }), { clock });
  await plugin.ask('on-mail-from');
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
  assert.deepEqual(
    await plugin.ask('on-mail-from'),
    Verdict.defer('4.7.28', 'Too many messages from your address, try again in 90 minutes', {
      reason: 'limits.messages-by-address',
    }),
  );
  assert.deepEqual(await plugin.ask('on-mail-from', from('192.0.2.2')), Verdict.continue());
  await clock.advance(1.5 * HOUR);
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
});

const subjects: readonly (readonly [
  by: 'network' | 'sender' | 'sender-domain' | 'user' | 'recipient' | 'recipient-domain' | 'everybody',
  one: object,
  same: object,
  other: object,
])[] = [
  ['network', from('192.0.2.1'), from('192.0.2.200'), from('192.0.3.1')],
  ['network', from('2001:db8::1'), from('2001:db8::2:1'), from('2001:db8:0:1::1')],
  ['sender', { sender: 'ann@b.example' }, { sender: 'Ann@b.example' }, { sender: 'bob@b.example' }],
  ['sender-domain', { sender: 'ann@b.example' }, { sender: 'bob@B.example' }, { sender: 'ann@c.example' }],
  ['user', from('192.0.2.1', 'ann'), from('192.0.2.9', 'ann'), from('192.0.2.1', 'bob')],
  ['recipient', { recipient: 'a@h.example' }, { recipient: 'A@h.example' }, { recipient: 'b@h.example' }],
  [
    'recipient-domain',
    { recipient: 'a@h.example' },
    { recipient: 'b@h.example' },
    { recipient: 'a@g.example' },
  ],
];
for (const [by, one, same, other] of subjects) {
  test(`recipients by ${by}: ${JSON.stringify(one)} and ${JSON.stringify(same)} are one`, async () => {
    await using plugin = await mount(
      checkLimits({ limits: [{ count: 'recipients', by, most: 1, per: HOUR }] }),
    );
    assert.equal((await plugin.ask('on-rcpt', one)).kind, 'continue');
    assert.equal((await plugin.ask('on-rcpt', same)).kind, 'defer');
    assert.equal((await plugin.ask('on-rcpt', other)).kind, 'continue');
  });
}

test('by everybody there is one count for all', async () => {
  await using plugin = await mount(
    checkLimits({ limits: [{ count: 'connections', by: 'everybody', most: 1, per: HOUR }] }),
  );
  assert.equal((await plugin.ask('on-connect')).kind, 'continue');
  assert.equal((await plugin.ask('on-connect', from('198.51.100.9'))).kind, 'defer');
});

test('who has authenticated is not counted by address, and trusted clients not at all', async () => {
  await using plugin = await mount(
    checkLimits({ limits: [{ count: 'messages', by: 'address', most: 0, per: HOUR }] }),
  );
  assert.equal((await plugin.ask('on-mail-from')).kind, 'reject', 'a limit of 0 is never less');
  assert.equal((await plugin.ask('on-mail-from', from('192.0.2.1', 'ann'))).kind, 'continue');
  assert.equal((await plugin.ask('on-mail-from', from('::ffff:127.0.0.1'))).kind, 'continue');
});

test('single ones have limits of their own', async () => {
  const others = { '192.0.2.9': 3 };
  await using plugin = await mount(
    checkLimits({ limits: [{ count: 'messages', by: 'address', most: 1, per: HOUR, others }] }),
  );
  for (const kind of ['continue', 'continue', 'continue', 'defer'])
    assert.equal((await plugin.ask('on-mail-from', from('192.0.2.9'))).kind, kind);
});

test('octets are counted when the message is in; one that is larger than the limit is refused for good', async () => {
  await using plugin = await mount(
    checkLimits({ limits: [{ count: 'bytes', by: 'address', most: 100, per: HOUR }] }),
  );
  const message = `Subject: x\r\n\r\n${'y'.repeat(46)}`;
  assert.equal((await plugin.ask('on-data', { message })).kind, 'continue');
  assert.equal((await plugin.ask('on-data', { message })).kind, 'defer');
  assert.equal((await plugin.ask('on-data', { message: message + message })).kind, 'reject');
});

for (const action of ['defer', 'reject', 'disconnect'] as const) {
  test(`what follows is what the configuration says: ${action}`, async () => {
    await using plugin = await mount(
      checkLimits({ limits: [{ count: 'connections', by: 'network', most: 1, per: HOUR, action }] }),
    );
    await plugin.ask('on-connect');
    assert.equal((await plugin.ask('on-connect')).kind, action);
  });
}

const broken: Counters = {
  take: () => Promise.reject(new Error('no route to the counters')),
  add: () => Promise.reject(new Error('no route to the counters')),
};
for (const [unavailable, kind] of [
  ['pass', 'continue'],
  ['defer', 'defer'],
] as const) {
  test(`counts that cannot be reached: ${unavailable}, and the operator hears of it once a minute`, async () => {
    const limits = [{ count: 'messages' as const, by: 'address' as const, most: 1, per: HOUR }];
    await using plugin = await mount(checkLimits({ limits, unavailable }), { counters: broken });
    for (let times = 0; times < 3; times += 1) assert.equal((await plugin.ask('on-mail-from')).kind, kind);
    assert.equal(plugin.log.lines.filter(({ level }) => level === 'error').length, 1);
  });
}

test('a limit that makes no sense is named', async () => {
  await assert.rejects(
    mount(checkLimits({ limits: [{ count: 'connections', by: 'sender', most: 1, per: HOUR }] })),
    {
      code: 'config-invalid',
      message: /limits\[0\]: connections cannot be counted by sender, only by address/,
    },
  );
});

const closedHouse = definePlugin({ name: 'check-nothing', setup: () => ({}) });

test('the dialogue: a client that has been refused too often is not let in any more', async () => {
  const limits = [{ count: 'failures' as const, by: 'address' as const, most: 3, per: HOUR }];
  await using house = await openHouse({ plugins: [closedHouse(), checkLimits({ limits })] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<a@elsewhere.example>
    S: 550 *
    C: RCPT TO:<b@elsewhere.example>
    S: 550 *
    C: NONSENSE
    S: 500 *
    C: QUIT
    S: 221 *
  `);
  await house.talk('S: 421 4.7.28 Too many failures from your address, try again in 80 minutes');
  await house.talk('S: 220 *', { remoteAddress: '192.0.2.2' });
  await house.clock.advance(2 * HOUR);
  await house.talk('S: 220 *');
});
