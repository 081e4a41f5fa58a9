// A rehearsal: the real pipeline, of which nothing stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Counters,
  definePlugin,
  note,
  Outcome,
  type PosthouseError,
  QueueStore,
  Verdict,
} from '../../src/contract/index.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import { resolveDefinition } from '../../src/server/configuration/index.ts';
import type { PluginEntry, ServerDefinition } from '../../src/server/definition.ts';
import { type Rehearsal, type RehearsedClient, rehearse } from '../../src/server/rehearsal/index.ts';
import { storeMemory } from '../../src/server/store-memory.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { authMemory } from '../../src/testing/auth-memory.ts';
import { deliverMemory } from '../../src/testing/deliver-memory.ts';
import { fakeResolver } from '../../src/testing/fake-resolver.ts';

const takesAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept({ reason: 'all.ours' }) } }),
});

interface Trial extends Partial<Omit<ServerDefinition, 'plugins'>> {
  readonly client?: Partial<RehearsedClient>;
  readonly stored?: boolean;
}

function tried(plugins: readonly PluginEntry[], trial: Trial = {}): Promise<Rehearsal> {
  const { client, stored = true, ...over } = trial;
  const definition = resolveDefinition(
    {
      hostname: 'house.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 25 }],
      ...over,
      plugins: stored ? [storeMemory(), ...plugins] : plugins,
    },
    process.cwd(),
  );
  const given: RehearsedClient = {
    listener: 'mx',
    address: '192.0.2.7',
    helo: 'client.example',
    user: undefined,
    tls: false,
    sender: mailbox('ann@client.example'),
    recipients: [mailbox('joe@house.example')],
    message: Buffer.from('Subject: hello\r\n\r\n.hidden dot\r\n'),
    ...client,
  };
  return rehearse(definition, given, { system: { resolver: fakeResolver({}) }, now: 0, stopwatch: () => 0 });
}

const calls = ({ steps }: Rehearsal) =>
  steps.flatMap((step) => step.calls).filter(({ plugin }) => plugin !== null);

test('each handler is told of in order, with its verdict, its reason, its edits and its notes', async () => {
  const mark = note<string>('check-mark/seen');
  const marks = definePlugin({
    name: 'check-mark',
    setup: () => ({
      hooks: {
        'on-connect': ({ notes, session }) => notes.set(mark, session.remoteAddress),
        'on-data': ({ edits, message }) => {
          edits.prependHeader('X-Size', String(message.size));
          edits.removeHeader('Subject');
        },
      },
    }),
  });
  const rehearsal = await tried([marks(), takesAll(), deliverMemory()]);
  assert.deepEqual(
    calls(rehearsal).map(({ hook, plugin, said, edits, notes }) => [hook, plugin, said, edits, notes]),
    [
      ['on-connect', 'check-mark', [{ verdict: 'continue' }], [], { 'check-mark/seen': '192.0.2.7' }],
      ['on-rcpt', 'accept-all', [{ verdict: 'accept', reason: 'all.ours' }], [], {}],
      ['on-data', 'check-mark', [{ verdict: 'continue' }], ['adds X-Size: 31', 'removes every Subject'], {}],
    ],
  );
  assert.match(rehearsal.queued?.onTop ?? '', /^X-Size: 31\r\nReceived: from client\.example/);
  assert.deepEqual(
    rehearsal.fates.map(({ recipient, reply, legs }) => [recipient, reply?.code, legs]),
    [
      [
        'joe@house.example',
        250,
        [
          {
            recipient: 'joe@house.example',
            transport: 'deliver-memory',
            destination: 'house.example',
            next: [],
          },
        ],
      ],
    ],
  );
});

test('nothing is kept, sent or told: stores, counts and observers are left alone', async () => {
  const touched: string[] = [];
  const kept = new MemoryStore();
  const store = definePlugin({
    name: 'store-real',
    provides: { queue: QueueStore, counters: Counters },
    setup: () => ({
      services: { queue: kept, counters: { take: () => void touched.push('count'), add: () => {} } },
      start: () => void touched.push('store started'),
    }),
  });
  const counts = definePlugin({
    name: 'check-count',
    needs: { counters: Counters },
    setup: ({ counters }) => ({
      hooks: {
        'on-connect': () => void counters.take([{ key: 'all', amount: 1, most: 9, window: 1000 }]),
      },
    }),
  });
  const watches = definePlugin({
    name: 'observe-all',
    setup: () => ({
      observe: { 'message-queued': () => void touched.push('observed') },
      start: () => void touched.push('observer started'),
    }),
  });
  const carries = definePlugin({
    name: 'deliver-real',
    setup: () => ({
      hooks: {
        'on-deliver': {
          claim: () => 'there',
          deliver: () => {
            touched.push('delivered');
            return Outcome.delivered();
          },
        },
      },
    }),
  });
  const rehearsal = await tried([store(), counts(), watches(), takesAll(), carries()], { stored: false });
  assert.equal(rehearsal.fates[0]?.reply?.code, 250);
  assert.deepEqual(rehearsal.leftOut, []);
  assert.deepEqual(touched, []);
  assert.deepEqual(await kept.counts(), { messages: 0, waiting: 0, held: 0, damaged: 0 });
});

test('a plugin starts only as it says that it is harmless, and is left out when it does not', async () => {
  const life: string[] = [];
  const starts = (name: string, rehearse: 'start' | 'own' | undefined) =>
    definePlugin({
      name,
      setup: () => ({
        hooks: { 'on-connect': () => void life.push(`${name} asked`) },
        start: () => void life.push(`${name} started`),
        ...(rehearse === 'start' && { rehearse }),
        ...(rehearse === 'own' && { rehearse: () => void life.push(`${name} rehearses`) }),
        stop: () => void life.push(`${name} stopped`),
      }),
    });
  const rehearsal = await tried([
    starts('check-reads', 'start')(),
    starts('check-writes', 'own')(),
    starts('check-unknown', undefined)(),
    takesAll(),
  ]);
  assert.deepEqual(rehearsal.leftOut, ['check-unknown']);
  assert.deepEqual(life, [
    'check-reads started',
    'check-writes rehearses',
    'check-reads asked',
    'check-writes asked',
    'check-writes stopped',
    'check-reads stopped',
  ]);
});

test('redirections are followed to the transport that would carry the mail', async () => {
  const route = definePlugin({
    name: 'route-office',
    setup: () => ({
      hooks: {
        'on-deliver': {
          sendsNothing: true,
          claim: ({ local }) => (local === 'office' || local === 'gone' ? 'office' : undefined),
          async deliver({ recipients, settle }) {
            for (const recipient of recipients)
              await settle(
                recipient,
                recipient.address.local === 'gone'
                  ? Outcome.failed('5.1.6', 'Moved')
                  : Outcome.redirected([mailbox('ann@house.example'), mailbox('bob@else.example')]),
              );
          },
        },
      },
    }),
  });
  const { fates } = await tried(
    [
      takesAll(),
      route(),
      deliverMemory({ claim: ({ domain }) => (domain === 'house.example' ? domain : undefined) }),
    ],
    {
      client: { recipients: [mailbox('office@house.example'), mailbox('gone@house.example')] },
    },
  );
  const [office, gone] = fates.map(({ legs: [leg] }) => leg);
  assert.equal(office?.outcome?.kind, 'redirected');
  assert.deepEqual(
    office?.next.map(({ recipient, transport }) => [recipient, transport]),
    [
      ['ann@house.example', 'deliver-memory'],
      ['bob@else.example', null],
    ],
  );
  assert.deepEqual(gone?.outcome, Outcome.failed('5.1.6', 'Moved'));
});

test('a refusal ends where the client would end, and what is only observed is told and not applied', async () => {
  const refuses = definePlugin({
    name: 'check-sender',
    setup: () => ({
      hooks: {
        'on-mail-from': () => Verdict.reject('5.1.8', 'No such domain', { reason: 'sender.unknown' }),
      },
    }),
  });
  const refused = await tried([refuses(), takesAll()]);
  assert.equal(refused.steps.at(-1)?.said?.startsWith('MAIL FROM:<ann@client.example>'), true);
  assert.deepEqual(
    refused.fates.map(({ reply, legs }) => [reply?.code, reply?.status, legs]),
    [[550, '5.1.8', []]],
  );
  assert.equal(refused.queued, undefined);
  const observed = await tried([{ use: refuses, mode: 'observe' }, takesAll()]);
  assert.equal(observed.fates[0]?.reply?.code, 250);
  assert.deepEqual(
    calls(observed).map(({ plugin, applied, said: [said] }) => [plugin, applied, said?.verdict]),
    [
      ['check-sender', false, 'reject'],
      ['accept-all', true, 'accept'],
    ],
  );
});

test('a verdict that is held back shows where the client hears it', async () => {
  const refuses = definePlugin({
    name: 'check-client',
    setup: () => ({ hooks: { 'on-connect': () => Verdict.reject('5.7.1', 'Not you') } }),
  });
  const { steps } = await tried([refuses(), takesAll()], {
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 25, rejectAt: 'rcpt' }],
  });
  const told = steps.flatMap((step) =>
    step.calls.filter(({ plugin }) => plugin === 'check-client').map((call) => [step.said, call.heldBack]),
  );
  assert.deepEqual(told, [
    [null, undefined],
    ['RCPT TO:<joe@house.example>', true],
  ]);
});

test('a handler that throws, hangs or answers nonsense fails as in the server', async () => {
  const fails = (how: () => unknown) =>
    definePlugin({ name: 'check-bad', setup: () => ({ hooks: { 'on-connect': how as () => undefined } }) });
  const failing: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => {
        throw new Error('no luck');
      },
      /^threw: no luck$/,
    ],
    [() => new Promise(() => {}), /^took too long: no answer within 20 ms$/],
    [() => 'yes', /^gave no lawful answer: a string is no verdict/],
  ];
  for (const [how, words] of failing) {
    const rehearsal = await tried([{ use: fails(how), timeout: 20 }]);
    assert.match(calls(rehearsal)[0]?.failure ?? '', words);
    assert.equal(rehearsal.fates[0]?.reply?.code, 451);
  }
});

test('messages that are discarded, held or answered one by one are told for each recipient', async () => {
  const sorts = definePlugin({
    name: 'check-sort',
    setup: () => ({
      hooks: {
        'on-data': ({ recipients }) =>
          Verdict.perRecipient(
            new Map(
              recipients.map((each) => [
                each,
                each.local === 'drop'
                  ? Verdict.discard('unwanted')
                  : each.local === 'hold'
                    ? Verdict.quarantine('doubtful')
                    : Verdict.continue(),
              ]),
            ),
          ),
      },
    }),
  });
  const { fates } = await tried([takesAll(), sorts(), deliverMemory()], {
    client: { recipients: ['drop', 'hold', 'joe'].map((local) => mailbox(`${local}@house.example`)) },
  });
  assert.deepEqual(
    fates.map(({ instead, legs }) => [instead?.what, instead?.plugin, legs.length]),
    [
      ['discarded', 'check-sort', 0],
      ['held', 'check-sort', 0],
      [undefined, undefined, 1],
    ],
  );
});

test('a client comes by STARTTLS, by implicit TLS, and logged in, as it says', async () => {
  const seen: unknown[] = [];
  const looks = definePlugin({
    name: 'check-look',
    setup: () => ({
      hooks: {
        'on-mail-from': ({ session: { user, protocol, tls } }) =>
          void seen.push([user, protocol, tls !== undefined]),
      },
    }),
  });
  const listeners = [
    { name: 'mx', host: '127.0.0.1', port: 25, tls: 'starttls' },
    { name: 'submission', host: '127.0.0.1', port: 587, tls: 'starttls', auth: 'required' },
    { name: 'submissions', host: '127.0.0.1', port: 465, tls: 'implicit', auth: 'required' },
    { name: 'lmtp', host: '127.0.0.1', port: 24, protocol: 'lmtp' },
  ] as const;
  const plugins = [authMemory({ users: { ann: 'secret' } }), looks(), takesAll()];
  const clients: readonly Partial<RehearsedClient>[] = [
    {},
    { tls: true },
    { listener: 'submission', tls: true, user: 'ann' },
    { listener: 'submissions', user: 'ann' },
    { listener: 'lmtp' },
  ];
  for (const client of clients)
    assert.equal((await tried(plugins, { listeners, client })).fates[0]?.reply?.code, 250);
  assert.deepEqual(seen, [
    [undefined, 'ESMTP', false],
    [undefined, 'ESMTPS', true],
    ['ann', 'ESMTPSA', true],
    ['ann', 'ESMTPSA', true],
    [undefined, 'LMTP', false],
  ]);
  const stranger = await tried(plugins, { listeners, client: { listener: 'submission', tls: true } });
  assert.equal(stranger.fates[0]?.reply?.code, 530);
});

test('a plugin that cannot even read what it needs ends the rehearsal, as it would end a start', async () => {
  const broken = definePlugin({
    name: 'check-file',
    setup: () => ({
      hooks: { 'on-connect': () => undefined },
      start: () => {
        throw new Error('no such file');
      },
      rehearse: 'start',
    }),
  });
  await assert.rejects(tried([broken()]), (error: PosthouseError) =>
    /plugin check-file could not start: no such file/.test(error.message),
  );
});
