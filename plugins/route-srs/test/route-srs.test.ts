import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, mailbox, Outcome, storeMemory, Verdict } from '@posthouse/core';
import { fakeClock, mount, openHouse } from '@posthouse/core/testing';
import routeSrs from '../src/index.ts';
import { forwardAddress } from '../src/srs-address.ts';

const config = { domain: 'house.example', secrets: ['0123456789abcdef'], ownDomains: ['also.example'] };
const ANN = 'ann@outside.example';
const ALIASED = { sender: ANN, redirectedBy: ['route-aliases'] };

const claims: readonly (readonly [
  what: string,
  recipient: string,
  about: Parameters<Awaited<ReturnType<typeof mount>>['claim']>[1],
  lane: string | undefined,
])[] = [
  ['a forward of a stranger to a stranger', 'far@else.example', ALIASED, 'out'],
  ['what nobody redirected', 'far@else.example', { sender: ANN }, undefined],
  ['a redirection that stays', 'bob@house.example', ALIASED, undefined],
  ['a redirection to another domain of ours', 'bob@ALSO.example', ALIASED, undefined],
  ['a sender of ours', 'far@else.example', { ...ALIASED, sender: 'bob@also.example' }, undefined],
  ['a bounce', 'far@else.example', { ...ALIASED, sender: '' }, undefined],
  [
    'a sender that cannot be rewritten',
    'far@else.example',
    { ...ALIASED, sender: 'a@[192.0.2.1]' },
    undefined,
  ],
  [
    'a rewritten address, whoever sends',
    'SRS0=abcd=AB=outside.example=ann@house.example',
    { sender: '' },
    'home',
  ],
  [
    'a rewritten address of another house',
    'SRS0=abcd=AB=o.example=ann@else.example',
    { sender: '' },
    undefined,
  ],
];
for (const [what, recipient, about, lane] of claims) {
  test(`claimed: ${what}`, async () => {
    await using plugin = await mount(routeSrs(config));
    assert.equal(await plugin.claim(recipient, about), lane);
  });
}

async function rewritten(clock = fakeClock()): Promise<string> {
  await using plugin = await mount(routeSrs(config), { clock });
  const outcomes = await plugin.deliver({
    destination: 'out',
    sender: ANN,
    recipients: ['far@else.example'],
    message: '',
  });
  const outcome = outcomes.get('far@else.example');
  assert.equal(outcome?.kind, 'redirected');
  return outcome?.kind === 'redirected' ? String(outcome.sender) : '';
}

test('several recipients get the same sender, each for himself', async () => {
  await using plugin = await mount(routeSrs(config));
  const recipients = ['one@else.example', 'two@else.example'];
  const outcomes = await plugin.deliver({ destination: 'out', sender: ANN, recipients, message: '' });
  const senders = recipients.map((recipient) => {
    const outcome = outcomes.get(recipient);
    assert.ok(outcome?.kind === 'redirected');
    assert.deepEqual(outcome.to.map(String), [recipient]);
    return String(outcome.sender);
  });
  assert.match(senders[0] ?? '', /^SRS0=/);
  assert.equal(senders[0], senders[1]);
});

test('at RCPT a valid address is accepted, forged and expired ones are refused', async () => {
  const clock = fakeClock();
  const good = await rewritten(clock);
  const ask = async (recipient: string, more: object = {}, details: object = { sender: null }) => {
    await using plugin = await mount(routeSrs({ ...config, ...more }), { clock });
    const verdict = await plugin.ask('on-rcpt', { recipient, ...details });
    return `${verdict.kind} ${'reason' in verdict ? verdict.reason : ''}`.trim();
  };
  assert.equal(await ask(good), 'accept srs.valid');
  assert.equal(await ask(good.replace('=ann@', '=bob@')), 'reject srs.forged');
  assert.equal(await ask('ann@house.example'), 'continue');
  assert.equal(await ask(good.replace('@house', '@else')), 'continue');
  assert.equal(await ask(good, {}, { sender: 'x@y.example' }), 'accept srs.valid');
  assert.equal(await ask(good, { nullSenderOnly: true }, { sender: 'x@y.example' }), 'reject srs.no-bounce');
  assert.equal(await ask(good, { nullSenderOnly: true }), 'accept srs.valid');
  await clock.advance(22 * 86_400_000);
  assert.equal(await ask(good), 'reject srs.expired');
});

test('what was accepted goes home, also when it has grown too old in the queue', async () => {
  const clock = fakeClock();
  const good = await rewritten(clock);
  await clock.advance(30 * 86_400_000);
  await using plugin = await mount(routeSrs(config), { clock });
  const forged = good.replace('=ann@', '=bob@');
  const outcomes = await plugin.deliver({
    destination: 'home',
    sender: null,
    recipients: [good, forged],
    message: '',
  });
  const outcome = outcomes.get(good);
  assert.deepEqual(outcome?.kind === 'redirected' && outcome.to.map(String), [ANN]);
  assert.equal(outcomes.get(forged)?.kind, 'failed');
});

const mistakes: readonly (readonly [more: object, message: RegExp])[] = [
  [{ domain: 'no domain' }, /route-srs: domain "no domain" is not a domain name/],
  [{ secrets: ['short'] }, /secrets\[0\] must have 16 characters or more/],
  [{ maxAge: '1h' }, /maxAge must be between 1 and 1000 days/],
  [{ maxAge: '1024d' }, /maxAge must be between 1 and 1000 days/],
];
for (const [more, message] of mistakes) {
  test(`refused at the start: ${JSON.stringify(more)}`, async () => {
    await assert.rejects(mount(routeSrs({ ...config, ...more } as never)), message);
  });
}

/** bob@house.example is forwarded to far@else.example; the far end answers as it is told. */
async function forwardingHouse(answer: (recipient: string) => Outcome) {
  const seen: { recipient: string; sender: string }[] = [];
  const aliases = definePlugin({
    name: 'aliases',
    setup: () => ({
      hooks: {
        'on-rcpt': ({ recipient }) => (recipient.local === 'bob' ? Verdict.accept() : undefined),
        'on-deliver': {
          claim: ({ local, domain }) => (local === 'bob' && domain === 'house.example' ? 'a' : undefined),
          deliver: () => Outcome.redirected([mailbox('far@else.example')]),
        },
      },
    }),
  });
  const far = definePlugin({
    name: 'far',
    setup: () => ({
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => domain,
          deliver({ recipients, sender }) {
            const recipient = String(recipients[0]?.address);
            seen.push({ recipient, sender: sender === null ? '<>' : String(sender) });
            return answer(recipient);
          },
        },
      },
    }),
  });
  const house = await openHouse({
    memoryStore: false,
    plugins: [storeMemory(), aliases(), routeSrs(config), far()],
  });
  const send = (sender: string, recipient: string, reply = '250 *') =>
    house.talk(
      [
        'S: 220 *',
        'C: HELO client.example',
        'S: 250 *',
        `C: MAIL FROM:<${sender}>`,
        'S: 250 *',
        `C: RCPT TO:<${recipient}>`,
        `S: ${reply}`,
        ...(reply.startsWith('250')
          ? ['C: DATA', 'S: 354 *', 'C: Subject: hi', 'C:', 'C: hello', 'C: .', 'S: 250 *']
          : []),
      ].join('\n'),
    );
  return { house, seen, send };
}

test('the story: the next hop sees our sender, and its bounce comes back to the original one', async () => {
  const { house, seen, send } = await forwardingHouse(() => Outcome.delivered());
  await using _ = house;
  await send(ANN, 'bob@house.example');
  await house.clock.advance(1000);
  const [forwarded] = seen;
  assert.equal(forwarded?.recipient, 'far@else.example');
  assert.match(forwarded?.sender ?? '', /^SRS0=[^=]{4}=[A-Z2-7]{2}=outside\.example=ann@house\.example$/);
  await send('', forwarded?.sender ?? '');
  await house.clock.advance(1000);
  assert.deepEqual(seen[1], { recipient: ANN, sender: '<>' });
  assert.equal(seen.length, 2);
  assert.equal((await house.server.house.store.counts()).messages, 0);
});

test('a next hop that refuses at once: our own bounce finds its way home too', async () => {
  const { house, seen, send } = await forwardingHouse((recipient) =>
    recipient === ANN ? Outcome.delivered() : Outcome.failed('5.1.1', 'no such user'),
  );
  await using _ = house;
  await send(ANN, 'bob@house.example');
  await house.clock.advance(2000);
  assert.deepEqual(
    seen.map(({ recipient }) => recipient),
    ['far@else.example', ANN],
  );
  assert.equal(seen[1]?.sender, '<>');
});

test('forged and expired addresses are refused at RCPT', async () => {
  const { house, seen, send } = await forwardingHouse(() => Outcome.delivered());
  await using _ = house;
  await send(ANN, 'bob@house.example');
  await house.clock.advance(1000);
  const address = seen[0]?.sender ?? '';
  await send('', address.replace('=ann@', '=eve@'), '550 5.1.1 *');
  await send('', 'SRS0=AAAA=AA=victim.example=eve@house.example', '550 5.1.1 *');
  const settings = { secrets: config.secrets, domain: config.domain, hashLength: 4, maxAge: 21 };
  const old = forwardAddress(mailbox(ANN), settings, house.clock.now() - 22 * 86_400_000);
  await send('', String(old), '550 5.1.1 *');
  assert.equal(seen.length, 1);
});
