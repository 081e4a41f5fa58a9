// Every check by itself, twice: in force it refuses the message; observing it changes nothing, and `posthouse why` says
// what it would have done.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import checkAccess from '@posthouse/check-access';
import checkAuth from '@posthouse/check-auth';
import checkClamd from '@posthouse/check-clamd';
import checkClient from '@posthouse/check-client';
import checkDnsbl from '@posthouse/check-dnsbl';
import checkGreylist from '@posthouse/check-greylist';
import checkHeaders from '@posthouse/check-headers';
import checkLimits from '@posthouse/check-limits';
import checkMilter from '@posthouse/check-milter';
import checkRecipients from '@posthouse/check-recipients';
import checkRspamd from '@posthouse/check-rspamd';
import checkScore from '@posthouse/check-score';
import checkSenderDomain from '@posthouse/check-sender-domain';
import checkSuppression, { addAddress } from '@posthouse/check-suppression';
import { definePlugin, Verdict } from '@posthouse/core';
import {
  deliverMemory,
  fakeResolver,
  type HouseOptions,
  type OpenHouse,
  openHouse,
} from '@posthouse/core/testing';
import observeTrace from '@posthouse/observe-trace';
import { type FakeDaemons, fakeDaemons } from '../support/fake-daemons.ts';

const CLIENT = '192.0.2.77';
const MESSAGE = ['From: <ann@client.example>', 'From: <eve@client.example>', 'Subject: x', '', 'Hello'];
/** Whoever carries mail carries it for all listeners: what the one in force would fail must not be what the other is sent. */
const RECIPIENTS = { observe: 'bob@house.example', enforce: 'carl@house.example' };
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The names that DNS has: a policy, and an entry on a list. Nothing takes mail for client.example. */
const resolver = () =>
  fakeResolver({
    '_dmarc.client.example': { txt: ['v=DMARC1; p=reject'] },
    '77.2.0.192.bl.example': { a: ['127.0.0.2'] },
  });

type Plugins = HouseOptions['plugins'];
interface Row {
  /** Beside it, in force. */
  readonly beside?: Plugins;
  /** Its factory, and a configuration by which it refuses the message; `path` is for a file of its own. */
  readonly use: unknown;
  readonly config: (path: string, daemons: FakeDaemons, recipient: string) => object;
  /** What the client hears, and to which command. */
  readonly hears: readonly [after: 'connecting' | 'MAIL' | 'RCPT' | 'the message', reply: RegExp];
  /** Its tag, which `posthouse why` shows. */
  readonly reason: string;
}

const ROWS: Readonly<Record<string, Row>> = {
  'check-access': {
    use: checkAccess,
    config: () => ({ rules: [{ of: 'client', entries: ['192.0.2.0/24'], format: 'list' }] }),
    hears: ['connecting', /^554 5\.7\.1 /],
    reason: 'access.client',
  },
  'check-auth': {
    use: checkAuth,
    config: () => ({ dmarc: { unclearAuthor: 'reject' } }),
    hears: ['the message', /^550 5\.7\.26 /],
    reason: 'dmarc.unclear-author',
  },
  'check-clamd': {
    use: checkClamd,
    config: (_, { clamd }) => ({ servers: [clamd] }),
    hears: ['the message', /^55\d 5\.7\.\d /],
    reason: 'clamd.Test',
  },
  'check-client': {
    use: checkClient,
    config: () => ({ noReverseName: 'reject' }),
    hears: ['MAIL', /^550 5\.7\.25 /],
    reason: 'client.no-reverse-name',
  },
  'check-dnsbl': {
    use: checkDnsbl,
    config: () => ({ zones: ['bl.example'] }),
    hears: ['MAIL', /^550 5\.7\.1 /],
    reason: 'dnsbl.bl.example',
  },
  'check-greylist': {
    use: checkGreylist,
    config: (path) => ({ path }),
    hears: ['RCPT', /^45\d 4\.7\.1 /],
    reason: 'greylist.new',
  },
  'check-headers': {
    use: checkHeaders,
    config: () => ({}),
    hears: ['the message', /^554 5\.6\.0 /],
    reason: 'headers.repeated',
  },
  'check-limits': {
    use: checkLimits,
    config: () => ({ limits: [{ count: 'bytes', by: 'address', most: 10, per: '1h' }] }),
    hears: ['the message', /^55\d /],
    reason: 'limits.bytes-by-address',
  },
  'check-milter': {
    use: checkMilter,
    config: (_, { milter }) => ({ milters: [{ at: milter }] }),
    hears: ['the message', /^55\d 5\.7\.1 /],
    reason: 'milter.milter1.reject',
  },
  'check-recipients': {
    use: checkRecipients,
    config: (path) => {
      writeFileSync(path, 'somebody@house.example\n');
      return { domains: ['house.example'], file: { path } };
    },
    hears: ['RCPT', /^550 5\.1\.1 /],
    reason: 'recipients.unknown',
  },
  'check-rspamd': {
    use: checkRspamd,
    config: (_, { rspamd }) => ({ url: rspamd }),
    hears: ['the message', /^55\d 5\.7\.1 /],
    reason: 'rspamd.reject',
  },
  'check-score': {
    beside: [checkDnsbl({ zones: [{ zone: 'bl.example', weight: 20 }], action: 'score' })],
    use: checkScore,
    config: () => ({}),
    hears: ['RCPT', /^550 5\.7\.1 /],
    reason: 'score.reject',
  },
  'check-sender-domain': {
    use: checkSenderDomain,
    config: () => ({}),
    hears: ['MAIL', /^550 5\.1\.8 /],
    reason: 'sender-domain.no-mx',
  },
  'check-suppression': {
    use: checkSuppression,
    config: (path, _, recipient) => {
      writeFileSync(path, '');
      addAddress(path, recipient, { now: 0, until: null, text: 'of the test' });
      return { path };
    },
    hears: ['RCPT', /^550 5\.1\.1 /],
    reason: 'suppression.listed',
  },
};

test('no check is left out', () => {
  const folders = readdirSync(join(ROOT, 'plugins')).filter((name) => name.startsWith('check-'));
  assert.deepEqual(Object.keys(ROWS).sort(), folders.sort());
});

describe('each check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-observe-'));
  let daemons: FakeDaemons;
  let house: OpenHouse | undefined;
  let transport: ReturnType<typeof deliverMemory>;
  let stories = '';

  before(async () => {
    daemons = await fakeDaemons({ refuse: true });
    transport = deliverMemory();
    const accepts = definePlugin({
      name: 'accepts',
      setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
    });
    const each = Object.entries(ROWS).flatMap(([name, { use, config, beside = [] }]) =>
      (['observe', 'enforce'] as const).flatMap((mode) => {
        const on = [`${name}-${mode}`];
        const settings = config(join(folder, on[0] as string), daemons, RECIPIENTS[mode]);
        return [
          ...beside.map((other, index) => ({ use: other, name: `beside-${name}-${mode}-${index}`, on })),
          { use, name: mode === 'observe' ? name : on[0], on, mode, config: settings },
        ];
      }),
    );
    house = await openHouse({
      listeners: Object.keys(ROWS).flatMap((name) =>
        ['observe', 'enforce'].map((mode) => ({ name: `${name}-${mode}`, host: '127.0.0.1', port: 0 })),
      ),
      control: { socket: join(folder, 'control') },
      plugins: [observeTrace({ path: join(folder, 'trace') }), ...(each as Plugins), accepts(), transport],
      resolver: resolver(),
    });
  });
  after(async () => {
    await house?.stop();
    await daemons[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** Holds a dialogue up to where it is refused. */
  const send = (name: string, mode: keyof typeof RECIPIENTS, where: string, reply: string) => {
    const stages: readonly (readonly [string, readonly string[]])[] = [
      ['connecting', ['S: 220 *']],
      ['EHLO', ['C: EHLO client.example', 'S: 250-*', 'S: 250 *']],
      ['MAIL', ['C: MAIL FROM:<ann@client.example>', 'S: 250 *']],
      ['RCPT', [`C: RCPT TO:<${RECIPIENTS[mode]}>`, 'S: 250 *']],
      ['DATA', ['C: DATA', 'S: 354 *']],
      ['the message', [...MESSAGE.map((line) => `C: ${line}`), 'C: .', 'S: 250 *']],
    ];
    const last = stages.findIndex(([name]) => name === where);
    const lines = stages.slice(0, last + 1).flatMap(([, each]) => each);
    const dialogue = [...lines.slice(0, -1), `S: ${reply}`].join('\n');
    return (house as OpenHouse).talk(dialogue, { listener: `${name}-${mode}`, remoteAddress: CLIENT });
  };

  for (const [name, { hears }] of Object.entries(ROWS)) {
    test(`${name} in force refuses`, async () => {
      const [where, reply] = hears;
      assert.match((await send(name, 'enforce', where, '*')).at(-1) ?? '', reply);
    });
  }

  test('observing lets the message through as it came', async () => {
    for (const name of Object.keys(ROWS)) await send(name, 'observe', 'the message', '250 *');
    const delivered = await transport.delivered(Object.keys(ROWS).length);
    for (const { content } of delivered)
      assert.ok(content.endsWith(`\r\n${MESSAGE.join('\r\n')}\r\n`) && /^Received: /.test(content), content);
    const why = [join(ROOT, 'core/bin/posthouse.js'), 'why', CLIENT, '--limit', '100'];
    const run = promisify(execFile)(process.execPath, [...why, '--socket', join(folder, 'control')]);
    stories = (await run).stdout;
  });

  const places = {
    connecting: 'the connection',
    MAIL: 'MAIL',
    RCPT: 'RCPT',
    'the message': 'the end of the message',
  };
  for (const [name, { hears, reason }] of Object.entries(ROWS)) {
    test(`posthouse why tells what ${name} would have done`, () => {
      const sentence = stories.split('\n').find((line) => line.trimStart().startsWith(`${name} would`));
      assert.ok(sentence, stories);
      const done = hears[1].source.startsWith('^4') ? 'deferred' : 'refused';
      assert.match(sentence, new RegExp(` would have ${done} .* at ${places[hears[0]]}: \\d`));
      assert.ok(sentence.endsWith(` [${reason}]; it only observes (mode: observe).`), sentence);
    });
  }
});
