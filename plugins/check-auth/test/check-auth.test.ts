import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { definePlugin, note, type ServerDefinition, Verdict } from '@posthouse/core';
import { deliverMemory, fakeClock, fakeResolver, mount, openHouse } from '@posthouse/core/testing';
import checkAuthPlugin from '../src/index.ts';
import { rfc8463, rfc8463Zone } from './keys.ts';

/** As people write it: what is left out has its default. */
type Settings = { readonly [section: string]: unknown };
const checkAuth = (config: Settings = {}) => checkAuthPlugin(config as Parameters<typeof checkAuthPlugin>[0]);
const JOE = 'joe@football.example.com';
const zone = (over: Parameters<typeof fakeResolver>[0] = {}) =>
  fakeResolver({
    ...rfc8463Zone,
    'football.example.com': { txt: ['v=spf1 ip4:192.0.2.1 -all'] },
    '_dmarc.example.com': { txt: ['v=DMARC1; p=reject; rua=mailto:r@example.com'] },
    ...over,
  });

async function asked(
  resolver: ReturnType<typeof fakeResolver>,
  { client = '192.0.2.1', sender = JOE as string | null, message = rfc8463, config = {} } = {},
) {
  await using plugin = await mount(checkAuth(config), { resolver });
  const session = { remoteAddress: client, helo: 'mx.football.example.com' };
  const view = { session, sender, message };
  await plugin.ask('on-mail-from', view);
  const verdict = await plugin.ask('on-data', view);
  const results = plugin.edits.flatMap((edit) => (edit.kind === 'result' ? edit.result : []));
  return { verdict, results, brief: results.map(({ method, result }) => `${method}=${result}`) };
}

describe('a message', () => {
  test('of RFC 8463 passes by SPF and by both its signatures', async () => {
    const { verdict, results } = await asked(zone());
    assert.deepEqual(verdict, Verdict.continue());
    assert.deepEqual(results, [
      { method: 'spf', result: 'pass', properties: { 'smtp.mailfrom': 'football.example.com' } },
      ...(['ed25519-sha256 brisbane /gCrinpc', 'rsa-sha256 test F45dVWDf'] as const).map((signature) => {
        const [algorithm = '', selector = '', b = ''] = signature.split(' ');
        return {
          method: 'dkim',
          result: 'pass',
          reason: '',
          properties: {
            'header.d': 'football.example.com',
            'header.i': '@football.example.com',
            'header.s': selector,
            'header.a': algorithm,
            'header.b': b,
          },
        };
      }),
      {
        method: 'dmarc',
        result: 'pass',
        reason: '',
        properties: { 'header.from': 'football.example.com', 'policy.dmarc': 'reject' },
      },
    ]);
  });

  test('that was changed on the way fails its signatures, and DMARC if the client is a stranger', async () => {
    const { verdict, brief } = await asked(zone(), {
      message: rfc8463.replace('lost', 'won'),
      client: '198.51.100.1',
    });
    assert.deepEqual(brief, ['spf=fail', 'dkim=fail', 'dkim=fail', 'dmarc=fail']);
    assert.equal(verdict.kind === 'reject' && verdict.status, '5.7.26');
  });

  test('that is forwarded passes by its signature', async () => {
    const { verdict, brief } = await asked(zone(), {
      client: '198.51.100.1',
      config: { spf: { fail: 'reject' } },
    });
    assert.deepEqual(brief, ['spf=fail', 'dkim=pass', 'dkim=pass', 'dmarc=pass']);
    assert.equal(verdict.kind, 'continue');
  });

  test('whose domain has no policy is let through', async () => {
    const { verdict, brief } = await asked(fakeResolver({}), {
      message: rfc8463.slice(rfc8463.indexOf('From:')),
    });
    assert.deepEqual(brief, ['spf=none', 'dkim=none', 'dmarc=none']);
    assert.equal(verdict.kind, 'continue');
  });

  test('with two From fields has no clear author', async () => {
    const message = `From: Eve <eve@evil.example>\r\n${rfc8463}`;
    const { verdict } = await asked(zone(), { message, config: { dmarc: { unclearAuthor: 'quarantine' } } });
    assert.deepEqual(verdict, Verdict.quarantine('dmarc.unclear-author'));
  });

  test('of a subdomain that does not exist gets np=, one that does sp=', async () => {
    const record = { '_dmarc.example.com': { txt: ['v=DMARC1; p=none; sp=quarantine; np=reject'] } };
    const from = (domain: string) => `From: x@${domain}\r\n\r\nHello\r\n`;
    const client = '198.51.100.1';
    const made = await asked(zone(record), { client, message: from('no-such.example.com') });
    assert.equal(made.verdict.kind, 'reject');
    const real = zone({ ...record, 'real.example.com': { a: ['192.0.2.7'] } });
    assert.equal(
      (await asked(real, { client, message: from('real.example.com') })).verdict.kind,
      'quarantine',
    );
  });

  test('with a bounce is checked by the name in HELO', async () => {
    const { results } = await asked(
      zone({ 'mx.football.example.com': { txt: ['v=spf1 ip4:192.0.2.1 -all'] } }),
      {
        sender: null,
      },
    );
    assert.deepEqual(results[0], {
      method: 'spf',
      result: 'pass',
      properties: { 'smtp.helo': 'mx.football.example.com' },
    });
  });

  test('whose author does not answer is deferred, though a dead name of a stranger changes nothing', async () => {
    const dead = zone({ '_dmarc.football.example.com': 'unavailable' });
    const plain = 'From: joe@football.example.com\r\n\r\nHi\r\n';
    assert.equal((await asked(dead, { message: plain, client: '198.51.100.1' })).verdict.kind, 'defer');
    const key = zone({
      'test._domainkey.football.example.com': 'unavailable',
      'brisbane._domainkey.football.example.com': 'unavailable',
    });
    const own = await asked(key, { client: '198.51.100.1' });
    assert.deepEqual(own.brief, ['spf=fail', 'dkim=temperror', 'dkim=temperror', 'dmarc=temperror']);
    const stranger = zone({
      'test._domainkey.evil.example': 'unavailable',
      'brisbane._domainkey.evil.example': 'unavailable',
    });
    const message = rfc8463.replace(/([di])=(@?)football\.example\.com/g, '$1=$2evil.example');
    assert.equal((await asked(stranger, { message, client: '198.51.100.1' })).verdict.kind, 'reject');
  });
});

test('what was found travels as notes', async () => {
  const seen: unknown[] = [];
  const reads = definePlugin({
    name: 'reads',
    setup: () => ({
      hooks: {
        'on-rcpt': () => Verdict.accept(),
        'on-data': ({ notes }) => {
          for (const name of ['spf', 'dkim', 'arc', 'dmarc'] as const)
            seen.push(notes.get(note(`check-auth/${name}`)));
        },
      },
    }),
  });
  await using house = await openHouse({ plugins: [checkAuth(), reads(), deliverMemory()], resolver: zone() });
  await house.talk(dialogue('S: 250 *'));
  assert.deepEqual(
    seen.flat().map((result) => (result as { result: string }).result),
    ['pass', 'pass', 'pass', 'none', 'pass'],
  );
  const [event] = house.events('message-authenticated');
  assert.deepEqual(
    [event?.dmarc.result, event?.applied, event?.remoteAddress],
    ['pass', 'none', '192.0.2.1'],
  );
});

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
const dialogue = (answer: string, sender = JOE, message = rfc8463): string =>
  [
    'S: 220 *',
    'C: EHLO mx.football.example.com',
    'S: 250-*',
    'S: 250*',
    `C: MAIL FROM:<${sender}>`,
    'S: 250 *',
    'C: RCPT TO:<bob@house.example>',
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
    ...message.split('\r\n').map((line) => `C: ${line}`.trimEnd()),
    'C: .',
    answer,
  ].join('\n');

describe('in a house', () => {
  async function received(config: Settings, definition: Partial<ServerDefinition> = {}): Promise<string> {
    const transport = deliverMemory();
    const plugins = [...(definition.plugins ?? [checkAuth(config)]), accepts(), transport];
    await using house = await openHouse({ ...definition, plugins, resolver: zone() });
    await house.talk(dialogue('S: 250 *'));
    const [message] = await transport.delivered(1);
    return message?.content ?? '';
  }

  test('a message carries its results', async () => {
    const message = await received({ receivedSpf: true });
    assert.match(
      message,
      /^Authentication-Results: house\.example;\r\n\tspf=pass smtp\.mailfrom=football\.example\.com;\r\n\tdkim=pass /,
    );
    assert.match(
      message,
      /\r\nReceived-SPF: pass \(house\.example: football\.example\.com has SPF pass for\r\n 192\.0\.2\.1\) client-ip=192\.0\.2\.1;/,
    );
  });

  test('in mode observe it is not touched, and the log says what would have been', async () => {
    const transport = deliverMemory();
    const plugins = [{ use: checkAuth(), mode: 'observe' as const }, accepts(), transport];
    await using house = await openHouse({ plugins, resolver: zone() });
    await house.talk(dialogue('S: 250 *', JOE, 'From: eve@football.example.com\r\n\r\nHi'), {
      remoteAddress: '198.51.100.1',
    });
    const [message] = await transport.delivered(1);
    assert.match(message?.content ?? '', /^Received: /);
    const verdicts = house.events('verdict-given').filter(({ plugin }) => plugin === 'check-auth');
    assert.deepEqual(
      verdicts.map(({ verdict, reason, applied }) => [verdict, reason, applied]),
      [['reject', 'dmarc.fail', false]],
    );
  });

  test('a forged message is refused at its end', async () => {
    await using house = await openHouse({
      plugins: [checkAuth(), accepts(), deliverMemory()],
      resolver: zone(),
    });
    await house.talk(
      dialogue(
        'S: 550 5.7.26 DMARC: not from football.example.com, whose policy is reject',
        JOE,
        'From: eve@football.example.com\r\n\r\nHi',
      ),
      { remoteAddress: '198.51.100.1' },
    );
  });

  for (const when of ['mail', 'rcpt'] as const) {
    test(`SPF can refuse at ${when.toUpperCase()}`, async () => {
      const plugins = [checkAuth({ spf: { fail: 'reject', when } }), accepts(), deliverMemory()];
      await using house = await openHouse({ plugins, resolver: zone() });
      const refusal = 'S: 550 5.7.23 SPF: 198.51.100.1 may not send for football.example.com';
      const rcpt = ['S: 250 *', 'C: RCPT TO:<bob@house.example>'];
      await house.talk(
        [
          'S: 220 *',
          'C: HELO x',
          'S: 250 *',
          `C: MAIL FROM:<${JOE}>`,
          ...(when === 'rcpt' ? rcpt : []),
          refusal,
        ].join('\n'),
        { remoteAddress: '198.51.100.1' },
      );
    });
  }

  test('users and our own networks are not checked, and cost no lookup', async () => {
    const resolver = zone();
    const users = { ...(await mount(checkAuth(), { resolver })) };
    await users.ask('on-data', { session: { user: 'ann' }, message: rfc8463 });
    await users.ask('on-data', { session: { remoteAddress: '::ffff:127.0.0.1' }, message: rfc8463 });
    assert.deepEqual(resolver.lookups, []);
    assert.deepEqual(users.edits, []);
  });
});

test('SPF runs while the message comes in, and its client is the one of this MAIL', async () => {
  const resolver = zone({ 'other.example': { txt: ['v=spf1 -all'] } });
  await using plugin = await mount(checkAuth(), { resolver });
  const session = { remoteAddress: '192.0.2.1', helo: 'x' };
  assert.deepEqual(await plugin.ask('on-mail-from', { session, sender: JOE }), Verdict.continue());
  assert.deepEqual(resolver.lookups, ['TXT football.example.com']);
});

test('DNS that is silent holds a message no longer than its budget', async () => {
  const clock = fakeClock();
  const silent = Object.fromEntries(
    ['mx', 'mxRecords', 'addresses', 'txt', 'ptr'].map((name) => [name, () => new Promise<never>(() => {})]),
  );
  await using plugin = await mount(checkAuth({ dns: { time: '3s' } }), {
    resolver: silent,
    clock,
  });
  const session = { remoteAddress: '192.0.2.1', helo: 'x' };
  const answer = plugin.ask('on-data', { session, sender: JOE, message: rfc8463 });
  let settled = false;
  void answer.then(() => {
    settled = true;
  });
  await clock.advance(3000);
  assert.equal(settled, false);
  for (let n = 0; n < 20 && !settled; n++) await clock.advance(300);
  assert.equal((await answer).kind, 'defer');
});
