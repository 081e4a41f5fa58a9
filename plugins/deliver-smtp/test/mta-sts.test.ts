// MTA-STS with a real HTTPS server and a real TLS hop: what is fetched, what is kept, and what is sent.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import type { Outcome } from '@posthouse/core';
import {
  type FakeClock,
  fakeClock,
  fakeResolver,
  type RecordingLogger,
  recordingLogger,
  scriptedHop,
} from '@posthouse/core/testing';
import { fetchPolicy } from '../src/mta-sts/fetch.ts';
import { MtaStsPolicies } from '../src/mta-sts/policies.ts';
import { PolicyFiles } from '../src/mta-sts/policy-files.ts';
import { makeCa, type Pair } from './certificates.ts';
import { kind, type RelayConfig, relay, until } from './relay.ts';

const ca = makeCa();
after(() => ca[Symbol.dispose]());
const ofPolicyHost = ca.issue('DNS:mta-sts.b.example');
const ofOther = ca.issue('DNS:other.example');
const expired = ca.issue('DNS:mta-sts.b.example', ['20200101000000Z', '20200201000000Z']);
const secureContext = createSecureContext({ ca: readFileSync(ca.file) });

const ENFORCE = 'version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 864000\n';
const HOUR = 3_600_000;
const signal = new AbortController().signal;

interface Answer {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** false: nothing is said. */
  readonly body?: string | false;
}

interface World extends AsyncDisposable {
  answer: Answer;
  readonly requests: string[];
  readonly resolver: ReturnType<typeof fakeResolver>;
  readonly clock: FakeClock;
  readonly log: RecordingLogger;
  readonly folder: string;
  readonly policies: MtaStsPolicies;
  /** Stops, and starts anew on the same folder. */
  restart(): Promise<MtaStsPolicies>;
}

async function world(tls: Pair = ofPolicyHost): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-sts-'));
  const clock = fakeClock();
  const log = recordingLogger();
  const resolver = fakeResolver({
    '_mta-sts.b.example': { txt: ['v=STSv1; id=1'] },
    'mta-sts.b.example': { a: ['127.0.0.1'] },
  });
  const requests: string[] = [];
  const self = { answer: { body: ENFORCE } as Answer };
  const server: Server = createServer(tls, (request, response) => {
    requests.push(`${request.headers.host?.replace(/:\d+$/, '')}${request.url}`);
    const { status = 200, headers, body = '' } = self.answer;
    if (body === false) return;
    response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<MtaStsPolicies> => {
    const opened = new MtaStsPolicies({
      resolver,
      clock,
      log,
      files: new PolicyFiles(folder, log),
      fetch: (domain) => fetchPolicy(domain, { resolver, clock, secureContext, timeout: 30_000, port }),
    });
    await opened.start();
    return opened;
  };
  let current = await open();
  return Object.assign(self, {
    requests,
    resolver,
    clock,
    log,
    folder,
    policies: current,
    async restart() {
      await current.stop();
      current = await open();
      return current;
    },
    async [Symbol.asyncDispose]() {
      await current.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  });
}

test('a policy is fetched once, and kept', async () => {
  await using house = await world();
  const all = await Promise.all([1, 2, 3].map(() => house.policies.of('b.example', signal)));
  for (const { policy, problem } of all) {
    assert.deepEqual(policy, { mode: 'enforce', maxAge: 864_000, mx: ['mx.b.example'] });
    assert.equal(problem, undefined);
  }
  await house.policies.of('b.example', signal);
  assert.deepEqual(house.requests, ['mta-sts.b.example/.well-known/mta-sts.txt']);
});

test('a domain without a TXT record is not asked for a policy', async () => {
  await using house = await world();
  assert.deepEqual(await house.policies.of('c.example', signal), {});
  assert.deepEqual(house.requests, []);
});

test('a policy survives a restart, and the loss of its TXT record and of its host', async () => {
  await using house = await world();
  await house.policies.of('b.example', signal);
  const again = await house.restart();
  for (const txt of [{}, 'unavailable', { txt: ['v=STSv1; id=1'] }] as const) {
    house.resolver.set('_mta-sts.b.example', txt);
    assert.equal((await again.of('b.example', signal)).policy?.mode, 'enforce');
  }
  house.resolver.set('_mta-sts.b.example', { txt: ['v=STSv1; id=2'] });
  house.answer = { status: 404 };
  const { policy, problem } = await again.of('b.example', signal);
  assert.equal(policy?.mode, 'enforce', '§3.3: the one that is known holds until it expires');
  assert.equal(problem?.type, 'sts-policy-fetch-error');
});

test('a new id brings the new policy', async () => {
  await using house = await world();
  await house.policies.of('b.example', signal);
  house.answer = { body: ENFORCE.replace('enforce', 'none') };
  house.resolver.set('_mta-sts.b.example', { txt: ['v=STSv1; id=2'] });
  assert.equal((await house.policies.of('b.example', signal)).policy?.mode, 'none');
  assert.equal(house.requests.length, 2);
});

test('a policy ends with its max_age', async () => {
  await using house = await world();
  house.answer = { body: ENFORCE.replace('864000', '60') };
  await house.policies.of('b.example', signal);
  house.resolver.set('_mta-sts.b.example', {});
  await house.clock.advance(59_000);
  assert.equal((await house.policies.of('b.example', signal)).policy?.mode, 'enforce');
  await house.clock.advance(2000);
  assert.deepEqual(await house.policies.of('b.example', signal), {});
  await house.policies.refresh();
  await house.restart();
  assert.deepEqual(readdirSync(house.folder), []);
});

test('a policy in use is fetched anew a day later, and a failure is told', async () => {
  await using house = await world();
  await house.policies.of('b.example', signal);
  await house.clock.advance(23 * HOUR);
  assert.equal(house.requests.length, 1);
  await house.clock.advance(2 * HOUR);
  assert.equal(house.requests.length, 1, 'nobody has asked since');
  await house.policies.of('b.example', signal);
  await house.policies.refresh();
  assert.equal(house.requests.length, 2);

  await house.policies.of('b.example', signal);
  house.answer = { status: 500 };
  await house.clock.advance(0);
  await house.clock.advance(25 * HOUR);
  await house.policies.refresh();
  assert.match(JSON.stringify(house.log.lines), /MTA-STS policy could not be refreshed/);
  assert.equal((await house.policies.of('b.example', signal)).policy?.mode, 'enforce');
});

test('what is no policy is none, for five minutes, and is not asked for again meanwhile', async () => {
  for (const [answer, type, words] of [
    [
      { status: 301, headers: { location: 'https://mta-sts.b.example/other' } },
      'sts-policy-fetch-error',
      /HTTP 301/,
    ],
    [{ status: 404 }, 'sts-policy-fetch-error', /HTTP 404/],
    [
      { headers: { 'content-type': 'text/html' }, body: ENFORCE },
      'sts-policy-fetch-error',
      /not text\/plain/,
    ],
    [{ headers: { 'content-encoding': 'gzip' }, body: ENFORCE }, 'sts-policy-fetch-error', /encoded/],
    [{ body: 'version: STSv1\n' }, 'sts-policy-invalid', /mode/],
    [{ body: `${ENFORCE}x: ${'y'.repeat(70_000)}\n` }, 'sts-policy-invalid', /too long/],
  ] as const) {
    await using house = await world();
    house.answer = answer;
    const { policy, problem } = await house.policies.of('b.example', signal);
    assert.equal(policy, undefined);
    assert.equal(problem?.type, type);
    assert.match(problem?.text ?? '', words);
    assert.equal((await house.policies.of('b.example', signal)).problem?.type, type);
    assert.equal(house.requests.length, 1);
    house.answer = { body: ENFORCE };
    await house.clock.advance(5 * 60_000);
    assert.equal((await house.policies.of('b.example', signal)).policy?.mode, 'enforce');
  }
});

test('the certificate of the policy host must be good', async () => {
  for (const [tls, words] of [
    [ofOther, /ERR_TLS_CERT_ALTNAME_INVALID/],
    [expired, /CERT_HAS_EXPIRED/],
  ] as const) {
    await using house = await world(tls);
    const { policy, problem } = await house.policies.of('b.example', signal);
    assert.equal(policy, undefined);
    assert.equal(problem?.type, 'sts-webpki-invalid');
    assert.match(problem?.text ?? '', words);
    assert.deepEqual(house.requests, []);
  }
});

test('a policy host that says nothing, or is not there, costs thirty seconds at most', async () => {
  await using house = await world();
  house.answer = { body: false };
  const asked = house.policies.of('b.example', signal);
  await until(() => house.requests.length > 0);
  await house.clock.advance(30_000);
  assert.match((await asked).problem?.text ?? '', /no policy came in time/);

  await using lost = await world();
  lost.resolver.set('mta-sts.b.example', {});
  assert.match((await lost.policies.of('b.example', signal)).problem?.text ?? '', /has no address/);
});

test('a file that cannot be read is passed over, and told', async () => {
  await using house = await world();
  await house.policies.of('b.example', signal);
  await house.restart();
  writeFileSync(join(house.folder, 'c.example.json'), '{"domain":"c.example"');
  writeFileSync(join(house.folder, 'd.example.json'), '{"domain":"d.example"}');
  const again = await house.restart();
  assert.equal((await again.of('b.example', signal)).policy?.mode, 'enforce');
  assert.equal(house.log.lines.filter(({ text }) => text === 'no MTA-STS policy').length, 2);
});

// What is sent: with a policy that an earlier run has kept.

const ofHost = ca.issue('DNS:mx.b.example');

interface Sent {
  readonly kind: string;
  readonly text: string;
  readonly mail: number;
  readonly secure: boolean;
}

async function send(text: string, tls: Pair | undefined, config: RelayConfig = {}): Promise<Sent> {
  const path = mkdtempSync(join(tmpdir(), 'posthouse-sts-'));
  try {
    const clock = fakeClock();
    const kept = { domain: 'b.example', id: '1', fetchedAt: clock.now(), text };
    writeFileSync(join(path, 'b.example.json'), JSON.stringify(kept));
    await using hop = await scriptedHop(tls ? { tls } : {});
    const mtaSts = { path, fetchTimeout: 30_000 };
    await using house = await relay(
      { port: hop.port, tls: 'mta-sts', caFile: ca.file, mtaSts, ...config },
      {},
      clock,
    );
    const outcome = (await house.send())['b@b.example'] as Outcome;
    const sessions = hop.sessions.filter(({ messages }) => messages.length > 0);
    return {
      kind: kind(outcome),
      text: JSON.stringify(outcome),
      mail: sessions.length,
      secure: sessions[0]?.secure === true,
    };
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('`enforce` sends only to a host of the policy with a good certificate for its name', async () => {
  assert.deepEqual(
    { ...(await send(ENFORCE, ofHost)), text: '' },
    { kind: 'delivered', text: '', mail: 1, secure: true },
  );
  for (const [text, tls, expected, words] of [
    [ENFORCE, undefined, 'deferred 4.7.4', /STARTTLS is not offered/],
    [ENFORCE, ofOther, 'deferred 4.7.5', /is for DNS:other\.example, not for mx\.b\.example/],
    [ENFORCE, ca.issue('DNS:b.example'), 'deferred 4.7.5', /not for mx\.b\.example/],
    [
      ENFORCE.replace('mx.b.', 'mx2.b.'),
      ofHost,
      'deferred 4.7.5',
      /the MTA-STS policy of b\.example does not name it/,
    ],
  ] as const) {
    const sent = await send(text, tls);
    assert.equal(sent.kind, expected);
    assert.match(sent.text, words);
    assert.equal(sent.mail, 0);
  }
  assert.equal((await send(ENFORCE.replace('mx.b.', '*.b.'), ofHost)).kind, 'delivered');
});

test('`testing` and `none` keep nothing back', async () => {
  for (const mode of ['testing', 'none']) {
    for (const [mx, tls] of [
      ['mx.b.', ofHost],
      ['mx.b.', ofOther],
      ['mx2.b.', ofHost],
      ['mx.b.', undefined],
      ['mx.b.', { key: '', cert: '' }],
    ] as const) {
      const text = ENFORCE.replace('enforce', mode).replace('mx.b.', mx);
      const sent = await send(text, tls);
      assert.equal(sent.kind, 'delivered');
      assert.equal(sent.secure, tls !== undefined && tls.key !== '');
    }
  }
});

test('other levels ask for no policy, and MTA-STS without a folder is an error of the configuration', async () => {
  const tlsPolicies = { 'b.example': 'may', 'c.example': 'mta-sts' } as const;
  assert.equal((await send(ENFORCE, ofOther, { tls: 'encrypt', tlsPolicies })).kind, 'delivered');
  await assert.rejects(relay({ tls: 'mta-sts' }), /MTA-STS needs a folder for the policies/);
  await assert.rejects(relay({ tls: 'published' }), /DANE needs validating resolvers/);
});
