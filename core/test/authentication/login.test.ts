// Who decides about a login, what happens when nobody can, and what failures cost: over the wire of an open house.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Authenticator, definePlugin, type PluginEntry } from '../../src/index.ts';
import { authMemory, type HouseOptions, type OpenHouse, openHouse } from '../../src/testing/index.ts';

const LISTENER = { name: 'mx', port: 0, auth: 'offered', authWithoutTls: true } as const;

function house(plugins: readonly PluginEntry[], options: Partial<HouseOptions> = {}): Promise<OpenHouse> {
  return openHouse({ listeners: [LISTENER], deadlines: { authDelay: 0 }, ...options, plugins });
}

function provider(authenticator: Authenticator, name = 'subject') {
  return definePlugin({
    name,
    provides: { authenticator: Authenticator },
    setup: () => ({ services: { authenticator } }),
  })();
}

const HELLO = 'S: 220 *\nC: EHLO client.example\nS: 250-*\nS: 250 *\n';
const plain = (user: string, password: string): string =>
  `C: AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}\n`;
const ann = authMemory({ name: 'ann-only', users: { ann: 'pencil' } });
const bob = authMemory({ name: 'bob-only', users: { bob: 'chalk', ann: 'other' } });

test('several Authenticators are asked in order, and the first that knows the user decides', async () => {
  await using open = await house([ann, bob]);
  await open.talk(`${HELLO}${plain('bob', 'chalk')}S: 235 *`);
  // bob-only has a password for ann as well, which is not asked for.
  await open.talk(`${HELLO}${plain('ann', 'other')}S: 535 *\n${plain('ann', 'pencil')}S: 235 *`);
  assert.deepEqual(
    open
      .events('authentication-succeeded')
      .map(({ user, plugin, mechanism }) => ({ user, plugin, mechanism })),
    [
      { user: 'bob', plugin: 'bob-only', mechanism: 'PLAIN' },
      { user: 'ann', plugin: 'ann-only', mechanism: 'PLAIN' },
    ],
  );
  const [failure] = open.events('authentication-failed');
  assert.deepEqual(
    { reason: failure?.reason, plugin: failure?.plugin, user: failure?.user },
    { reason: 'wrong-password', plugin: 'ann-only', user: 'ann' },
  );
  assert.ok(!JSON.stringify(open.log.lines).includes('pencil'), 'no password in the log');
});

test('`on` keeps an Authenticator to its listeners', async () => {
  await using open = await house(
    [
      { use: ann, on: ['mx'] },
      { use: bob, on: ['other'] },
    ],
    {
      listeners: [LISTENER, { ...LISTENER, name: 'other' }],
    },
  );
  await open.talk(`${HELLO}${plain('bob', 'chalk')}S: 535 *\n${plain('ann', 'pencil')}S: 235 *`);
  await open.talk(`${HELLO}${plain('bob', 'chalk')}S: 235 *`, { listener: 'other' });
});

test('the user is in the session, in Received and in the queue', async () => {
  await using open = await house([
    ann,
    definePlugin({
      name: 'accepts',
      setup: () => ({
        hooks: {
          'on-rcpt': ({ session }) => {
            assert.equal(session.user, 'ann');
            assert.equal(session.protocol, 'ESMTPA');
            return { kind: 'accept' };
          },
        },
      }),
    })(),
  ]);
  await open.talk(
    `${HELLO}${plain('ann', 'pencil')}S: 235 *\nC: MAIL FROM:<a@x.example>\nS: 250 *\nC: RCPT TO:<b@y.example>\nS: 250 *\n`,
  );
});

const FAILING: readonly (readonly [string, string, Authenticator])[] = [
  [
    'throws',
    'threw',
    {
      verifyPassword: () => {
        throw new Error('broken');
      },
    },
  ],
  ['rejects', 'threw', { verifyPassword: () => Promise.reject(new Error('broken')) }],
  ['throws no Error', 'threw', { verifyPassword: () => Promise.reject(null) }],
  ['answers nonsense', 'illegal-answer', { verifyPassword: () => true as never }],
  ['names nobody', 'illegal-answer', { verifyPassword: () => ({ user: '' }) }],
  ['names a line break', 'illegal-answer', { verifyPassword: () => ({ user: 'a\r\nb' }) }],
  [
    'says both yes and no',
    'illegal-answer',
    { verifyPassword: () => ({ user: 'ann', refused: 'disabled' }) as never },
  ],
];

for (const [what, problem, authenticator] of FAILING) {
  test(`an Authenticator that ${what} is 454, and nobody else is asked`, async () => {
    await using open = await house([provider(authenticator), ann]);
    await open.talk(`${HELLO}${plain('ann', 'pencil')}S: 454 4.7.0 *\nC: MAIL FROM:<a@x.example>\nS: 250 *`);
    const [event] = open.events('authenticator-failed');
    assert.deepEqual([event?.plugin, event?.problem], ['subject', problem]);
  });
}

test('an Authenticator that does not answer is 454 after its time, and is told to stop', async () => {
  let aborted = false;
  const slow = provider({
    verifyPassword: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  });
  await using open = await house([slow]);
  await open.talk(`${HELLO}${plain('ann', 'pencil')}T: 9s\nT: 2s\nS: 454 4.7.0 *`);
  assert.equal(aborted, true);
  assert.equal(open.events('authenticator-failed')[0]?.problem, 'timed-out');
});

test('whoever hangs up is not waited for: the Authenticator is told', async () => {
  let stopped: (() => void) | undefined;
  const told = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const slow = provider({
    verifyPassword: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => stopped?.());
        client.destroy();
      }),
  });
  await using open = await house([slow]);
  const client = open.connect();
  client.write(`EHLO client.example\r\n${plain('ann', 'pencil').slice(3).trim()}\r\n`);
  await told;
});

test('the answer to a failure waits, longer with each one from the address', async () => {
  await using open = await house([ann], { deadlines: {}, limits: { authFailures: 10 } });
  const waits = ['1s', '2s', '4s', '8s', '16s', '16s'];
  const dialogue = waits
    .map((wait, index) => `${plain('ann', `wrong ${index}`)}T: ${wait}\nS: 535 *\n`)
    .join('');
  const began = open.clock.now();
  await open.talk(HELLO + dialogue);
  assert.equal(open.clock.now() - began, 47_000);
});

test('the same wrong password again is no new failure of the address', async () => {
  await using open = await house([ann], { limits: { authFailures: 100, authFailuresPerAddress: 3 } });
  const old = `${plain('ann', 'old')}S: 535 *\n`.repeat(5);
  await open.talk(`${HELLO}${old}${plain('ann', 'pencil')}S: 235 *`);
});

test('an address with too many failures is 421 at once, for a while, and others are not', async () => {
  await using open = await house([ann], { limits: { authFailures: 100, authFailuresPerAddress: 3 } });
  const wrong = [1, 2, 3].map((each) => `${plain('ann', `wrong ${each}`)}S: 535 *\n`).join('');
  await open.talk(HELLO + wrong);
  await open.talk(
    `${HELLO}${plain('ann', 'pencil')}S: 421 4.7.0 Too many authentication failures from your address\nS: EOF`,
  );
  assert.equal(open.events('authentication-failed').at(-1)?.reason, 'too-many-failures');
  await open.talk(`${HELLO}${plain('ann', 'pencil')}S: 235 *`, { remoteAddress: '192.0.2.2' });
  await open.clock.advance(600_000);
  await open.talk(`${HELLO}${plain('ann', 'pencil')}S: 235 *`);
});

test('a listener that wants AUTH which nobody can verify does not start', async () => {
  await assert.rejects(
    house([]),
    /nothing provides the service Authenticator: listener mx has auth: offered/,
  );
  await assert.rejects(house([{ use: ann, mode: 'observe' }]), /nothing provides the service Authenticator/);
  await assert.rejects(
    house([ann], { listeners: [{ ...LISTENER, authMechanisms: ['PLAIN', 'OAUTHBEARER'] }] }),
    /no Authenticator of listener mx can verify OAUTHBEARER; possible are PLAIN, LOGIN, SCRAM-SHA-256/,
  );
});

test('SCRAM is offered only while every user has keys for it, or where the configuration says so', async () => {
  const without = authMemory({ name: 'without', users: { eve: 'x' }, scram: false });
  const EHLO = (mechanisms: string): string =>
    `S: 220 *\nC: EHLO client.example\nS: 250-house.example\nS: 250-PIPELINING\nS: 250-SIZE *\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-ENHANCEDSTATUSCODES\nS: 250-DSN\nS: 250-LIMITS *\nS: 250-CHUNKING\nS: 250 AUTH ${mechanisms}`;
  await using all = await house([ann, bob]);
  await all.talk(EHLO('PLAIN LOGIN SCRAM-SHA-256'));
  await using some = await house([ann, without]);
  await some.talk(EHLO('PLAIN LOGIN'));
  await using explicit = await house([ann, without], {
    listeners: [{ ...LISTENER, authMechanisms: ['SCRAM-SHA-256'] }],
  });
  await explicit.talk(EHLO('SCRAM-SHA-256'));
});

test('a plugin that needs an Authenticator gets all of them as one', async () => {
  let asked: Authenticator | undefined;
  const needs = definePlugin({
    name: 'needs',
    needs: { authenticator: Authenticator },
    setup: ({ authenticator }) => {
      asked = authenticator;
      return {};
    },
  });
  await using open = await house([needs(), ann, bob]);
  const verify = (user: string, password: string): unknown =>
    asked?.verifyPassword?.({ user, password, mechanism: 'PLAIN' } as never);
  assert.deepEqual(await verify('bob', 'chalk'), { user: 'bob' });
  assert.deepEqual(await verify('ann', 'other'), { refused: 'wrong-password' });
  assert.equal(await verify('eve', 'x'), undefined);
  assert.ok(open);
});
