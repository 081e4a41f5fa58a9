// The sources one by one: what they ask, what an answer means, and that no address says more than its place does.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import type { Resolver, ServerIdentity } from '@posthouse/core';
import { fakeClock, fakeResolver, recordingLogger, scriptedHop } from '@posthouse/core/testing';
import fc from 'fast-check';
import type { Address } from '../src/source.ts';
import { fileSource, parseMailboxes } from '../src/sources/file.ts';
import { httpSource } from '../src/sources/http.ts';
import { escapeFilter, ldapSource } from '../src/sources/ldap.ts';
import { meaning, nextHopSource } from '../src/sources/next-hop.ts';
import { compileQuery, sqlSource } from '../src/sources/sql.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-recipients-'));
after(() => rmSync(folder, { recursive: true }));
const at = (local: string, domain = 'a.example'): Address => ({
  address: `${local}@${domain}`,
  local,
  domain,
});
const { signal } = new AbortController();
const config = { code: 'config-invalid' };

describe('a file', () => {
  const parse = (text: string, format: 'list' | 'map' | 'passwd' = 'list') =>
    parseMailboxes(text, { path: 'm', format, minimumUid: 1000 });

  test('has an address a line, bare names for all domains, and whole domains', () => {
    const { addresses, users, domains } = parse(
      '# ours\nAnn@A.example\n\n  bob@a.example  \r\ninfo\n@b.example\n@straße.example\n"a b"@a.example\n'.replace(
        '"a b"@a.example\n',
        '',
      ),
    );
    assert.deepEqual([...addresses], ['ann@a.example', 'bob@a.example']);
    assert.deepEqual([[...users], [...domains]], [['info'], ['b.example', 'xn--strae-oqa.example']]);
  });

  test('may be a Postfix map, whose values say nothing here', () => {
    const { addresses } = parse('# map\nann@a.example  a.example/ann/\n  more\nbob@a.example\tOK\n', 'map');
    assert.deepEqual([...addresses], ['ann@a.example', 'bob@a.example']);
  });

  test('may be passwd(5), whose people begin at a uid', () => {
    const { users } = parse('root:x:0:0:root:/root:/bin/sh\nAnn:x:1000:1000::/home/ann:/bin/sh\n', 'passwd');
    assert.deepEqual([...users], ['ann']);
    assert.throws(() => parse('no passwd\n', 'passwd'), { ...config, message: /m:1: no line of passwd/ });
  });

  test('with a fault is refused by line', () => {
    assert.throws(() => parse('ann@a.example\na b@a.example\nbob@\n'), {
      ...config,
      message: /m:2: [\s\S]*m:3: /,
    });
  });

  test('is read again when it has changed, and a faulty one leaves what it said', async () => {
    const path = join(folder, 'live');
    const clock = fakeClock();
    const log = recordingLogger();
    writeFileSync(path, 'ann@a.example\n');
    const source = fileSource({ path, format: 'list', minimumUid: 1000 }, clock, log);
    await source.start?.();
    assert.deepEqual([source.knows(at('ann'), signal), source.knows(at('bob'), signal)], [true, false]);
    writeFileSync(path, 'ann@a.example\nbob@a.example\n');
    await clock.advance(5000);
    await source.stop?.();
    assert.equal(source.knows(at('bob'), signal), true);
    await source.start?.();
    writeFileSync(path, 'two words\n');
    await clock.advance(5000);
    await source.stop?.();
    assert.equal(source.knows(at('bob'), signal), true);
    assert.match(String(log.lines.at(-1)?.text), /what it said before still holds/);
  });

  test('that is not there keeps the server down', async () => {
    const gone = { path: join(folder, 'gone'), format: 'list', minimumUid: 1000 } as const;
    await assert.rejects(async () => fileSource(gone, fakeClock(), recordingLogger()).start?.(), config);
  });
});

describe('a web service', () => {
  const wanted: string[] = [];
  const server = createServer((request, response) => {
    wanted.push(`${request.method} ${request.url} ${request.headers['x-secret'] ?? ''}`);
    const status = /ann/.test(request.url ?? '')
      ? 200
      : /eve/.test(request.url ?? '')
        ? 404
        : /move/.test(request.url ?? '')
          ? 302
          : 503;
    response.writeHead(status, { location: '/ann' }).end('x'.repeat(100_000));
  });
  after(() => server.close());
  const listening = new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  const source = async (path: string, more: object = {}) =>
    httpSource({
      url: `http://127.0.0.1:${await listening}${path}`,
      method: 'GET',
      headers: { 'x-secret': 's' },
      known: [200],
      unknown: [404],
      ...more,
    });

  test('answers by its status, and every other status is none', async () => {
    const service = await source('/box/{domain}/{local}?of={address}');
    assert.equal(await service.knows(at('ann'), signal), true);
    assert.equal(await service.knows(at('eve'), signal), false);
    await assert.rejects(async () => service.knows(at('other'), signal), /answered 503/);
    await assert.rejects(async () => service.knows(at('move'), signal), /answered 302/);
    assert.equal(wanted[0], 'GET /box/a.example/ann?of=ann%40a.example s');
  });

  test('is asked for the address and nothing else', async () => {
    const service = await source('/box/{local}');
    wanted.length = 0;
    await assert.rejects(async () => service.knows(at('..'), signal), /no such place/);
    await assert.rejects(async () => service.knows(at('../x?y#z'), signal), /answered/);
    assert.deepEqual(wanted, ['GET /box/..%2Fx%3Fy%23z s']);
  });

  test('needs a place for the address, and statuses that differ', async () => {
    await assert.rejects(source('/box'), config);
    await assert.rejects(source('/{local}', { unknown: [200] }), config);
  });
});

describe('SQLite', () => {
  const path = join(folder, 'mail.db');
  const database = new DatabaseSync(path);
  database.exec(
    "CREATE TABLE mailboxes (address TEXT, active INT); INSERT INTO mailboxes VALUES ('ann@a.example', 1), ('old@a.example', 0)",
  );
  database.close();
  const open = async (query: string) => {
    const source = sqlSource({ sqlite: path, query, connections: 1 }, 1000);
    await source.start?.();
    return source;
  };

  test('knows whom its query finds', async () => {
    const source = await open('SELECT 1 FROM mailboxes WHERE address = {address} AND active');
    assert.deepEqual(
      await Promise.all(
        ['ann', 'old', 'eve', "x' OR '1'='1"].map((local) => source.knows(at(local), signal)),
      ),
      [true, false, false, false],
    );
    await source.stop?.();
  });

  test('is not written to, and a query that is none keeps the server down', async () => {
    await assert.rejects(open('SELECT nothing FROM nowhere WHERE x = {address}'), config);
    const source = await open('DELETE FROM mailboxes WHERE address = {address}');
    assert.throws(() => source.knows(at('ann'), signal), /readonly/);
    await source.stop?.();
  });
});

test('parts of an address become parameters, each once, and never stand in quotes', () => {
  assert.deepEqual(
    compileQuery('SELECT 1 FROM m WHERE l = {local} AND d = {domain} OR l || d = {local}', '$'),
    {
      text: 'SELECT 1 FROM m WHERE l = $1 AND d = $2 OR l || d = $1',
      parts: ['local', 'domain'],
    },
  );
  assert.throws(() => compileQuery("SELECT 1 FROM m WHERE a = '{address}'", '$'), config);
  assert.throws(() => compileQuery('SELECT 1', '$'), config);
});

describe('LDAP', () => {
  const settings = {
    url: 'ldap://127.0.0.1:1',
    startTls: false,
    bindDn: '',
    password: '',
    base: 'dc=example',
    scope: 'sub',
    filter: '(mail={address})',
  } as const;

  test('RFC 4515 §3: nothing in an address is part of the filter', () => {
    assert.equal(escapeFilter('a*)(uid=*'), 'a\\2a\\29\\28uid=\\2a');
    assert.equal(escapeFilter('straße'), 'stra\\c3\\9fe');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        const escaped = escapeFilter(Buffer.from(octets).toString('latin1'));
        assert.equal(escaped.replace(/[\w.@+=-]|\\[\da-f]{2}/g, ''), '');
      }),
    );
  });

  test('refuses a configuration that cannot be meant', () => {
    for (const more of [
      { filter: '(mail=ann@a.example)' },
      { base: 'dc={domain}' },
      { bindDn: 'cn=x' },
      { url: 'ldaps://x', startTls: true },
      { caFile: join(folder, 'ca.pem') },
      { url: 'ldaps://x', caFile: join(folder, 'gone.pem') },
    ])
      assert.throws(() => ldapSource({ ...settings, ...more }, 1000), config);
  });

  test('that is down, and one that speaks something else, give no answer, and the next question tries again', async () => {
    const source = ldapSource(settings, 1000);
    await assert.rejects(async () => source.knows(at('ann'), signal));
    await assert.rejects(async () => source.knows(at('ann'), signal));
    let visits = 0;
    const nonsense = createTcp((socket) => {
      visits += 1;
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => nonsense.listen(0, '127.0.0.1', resolve));
    const { port } = nonsense.address() as { port: number };
    const confused = ldapSource({ ...settings, url: `ldap://127.0.0.1:${port}` }, 500);
    await assert.rejects(async () => confused.knows(at('ann'), signal));
    await assert.rejects(async () => confused.knows(at('ann'), signal));
    assert.equal(visits, 2);
    await source.stop?.();
    await confused.stop?.();
    nonsense.close();
  });
});

describe('a next hop', () => {
  const identity: ServerIdentity = { hostname: 'mx.a.example', isSelf: () => false };
  const resolver: Resolver = fakeResolver({ 'hop.example': { a: ['127.0.0.1'] } });
  const settings = { protocol: 'smtp', host: 'hop.example', sender: '', tls: 'may' } as const;

  test('is asked with MAIL and RCPT, and gets no message', async () => {
    await using hop = await scriptedHop({
      RCPT: (line) => (line.includes('ann') ? '250 2.1.5 Ok' : '550 5.1.1 No such user'),
    });
    const source = nextHopSource({ ...settings, port: hop.port }, resolver, identity);
    assert.equal(await source.knows(at('ann'), signal), true);
    assert.equal(await source.knows(at('a b'), signal), false);
    assert.deepEqual(
      hop.sessions.map(({ lines }) => lines.filter((line) => line !== 'QUIT')),
      ['<ann@a.example>', '<"a b"@a.example>'].map((path) => [
        'EHLO mx.a.example',
        'MAIL FROM:<>',
        `RCPT TO:${path}`,
      ]),
    );
    assert.deepEqual(
      hop.sessions.map(({ messages }) => messages),
      [[], []],
    );
  });

  test('that speaks LMTP is greeted so', async () => {
    await using hop = await scriptedHop({});
    const source = nextHopSource({ ...settings, protocol: 'lmtp', port: hop.port }, resolver, identity);
    assert.equal(await source.knows(at('ann'), signal), true);
    assert.equal(hop.sessions[0]?.lines[0], 'LHLO mx.a.example');
  });

  const answers: readonly (readonly [number, string | undefined, boolean | 'none'])[] = [
    [250, '2.1.5', true],
    [251, undefined, true],
    [550, '5.1.1', false],
    [550, undefined, false],
    [551, undefined, false],
    [553, '5.1.3', false],
    [552, '5.2.2', true],
    [552, undefined, true],
    [550, '5.7.1', 'none'],
    [554, undefined, 'none'],
    [450, '4.2.0', 'none'],
    [451, undefined, 'none'],
  ];
  for (const [code, status, expected] of answers) {
    test(`that answers ${code} ${status ?? ''} to RCPT: ${expected}`, () => {
      if (expected === 'none') assert.throws(() => meaning({ code, status }), new RegExp(`answered ${code}`));
      else assert.equal(meaning({ code, status }), expected);
    });
  }

  for (const [what, script] of [
    ['has no service', { greeting: '554 5.3.2 no' }],
    ['hangs up', { greeting: 'DROP' }],
    ['refuses the null sender', { MAIL: '550 5.7.1 no' }],
    ['hangs up at RCPT', { RCPT: 'DROP' }],
    ['talks nonsense', { greeting: 'hello there' }],
  ] as const) {
    test(`that ${what} gives no answer`, async () => {
      await using hop = await scriptedHop(script);
      const source = nextHopSource({ ...settings, port: hop.port }, resolver, identity);
      await assert.rejects(async () => source.knows(at('ann'), signal), Error);
    });
  }

  test('that is silent is left when the time is up', async () => {
    await using hop = await scriptedHop({ RCPT: 'SILENCE' });
    const source = nextHopSource({ ...settings, port: hop.port }, resolver, identity);
    const late = new AbortController();
    const answer = source.knows(at('ann'), late.signal);
    late.abort();
    await assert.rejects(async () => answer, /no answer in time/);
  });

  test('that is not there, has no address, or is this server itself gives no answer', async () => {
    const self = { ...identity, isSelf: () => true };
    await assert.rejects(async () =>
      nextHopSource({ ...settings, port: 1 }, resolver, identity).knows(at('a'), signal),
    );
    await assert.rejects(
      async () =>
        nextHopSource({ ...settings, host: 'no.example', port: 25 }, resolver, identity).knows(
          at('a'),
          signal,
        ),
      /has no address/,
    );
    await assert.rejects(
      async () => nextHopSource({ ...settings, port: 25 }, resolver, self).knows(at('a'), signal),
      /is a listener of this server/,
    );
    assert.throws(
      () => nextHopSource({ protocol: 'smtp', port: 25, sender: '', tls: 'may' }, resolver, identity),
      config,
    );
  });
});

describe('a next hop with TLS', () => {
  const identity: ServerIdentity = { hostname: 'mx.a.example', isSelf: () => false };
  const resolver: Resolver = fakeResolver({
    'hop.example': { a: ['127.0.0.1'] },
    'other.example': { a: ['127.0.0.1'] },
  });
  const pem = (name: string) => readFileSync(join(folder, name), 'utf8');
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=hop', '-addext', 'subjectAltName=DNS:hop.example'],
    ...['-keyout', join(folder, 'hop.key'), '-out', join(folder, 'hop.pem')],
  ]);
  const caFile = join(folder, 'hop.pem');
  const withTls = { keywords: ['STARTTLS'], tls: { key: pem('hop.key'), cert: pem('hop.pem') } };
  const asked = (port: number, more: object, until = signal) =>
    nextHopSource(
      { protocol: 'smtp', host: 'hop.example', sender: '', tls: 'may', port, ...more },
      resolver,
      identity,
    ).knows(at('ann'), until);

  for (const [what, more] of [
    ['that is asked for it where it is offered', {}],
    ['that must have it', { tls: 'encrypt' }],
    ['that must show a certificate for its name', { tls: 'verify', caFile }],
    ['of LMTP', { protocol: 'lmtp', tls: 'encrypt' }],
  ] as const) {
    test(what, async () => {
      await using hop = await scriptedHop(withTls);
      assert.equal(await asked(hop.port, more), true);
      const hello = 'protocol' in more ? 'LHLO mx.a.example' : 'EHLO mx.a.example';
      assert.equal(hop.sessions[0]?.secure, true);
      assert.deepEqual(
        hop.sessions[0]?.lines.filter((line) => line !== 'QUIT'),
        [hello, 'STARTTLS', hello, 'MAIL FROM:<>', 'RCPT TO:<ann@a.example>'],
      );
    });
  }

  test('is asked in clear where it has none, or is not to be asked for it', async () => {
    await using plain = await scriptedHop({});
    assert.equal(await asked(plain.port, {}), true);
    await using hop = await scriptedHop(withTls);
    assert.equal(await asked(hop.port, { tls: 'none' }), true);
    assert.equal(hop.sessions[0]?.secure, false);
  });

  const refusals: readonly (readonly [string, object, object, RegExp])[] = [
    ['has no TLS, and must', {}, { tls: 'encrypt' }, /does not offer STARTTLS/],
    ['refuses STARTTLS', { ...withTls, STARTTLS: '454 4.7.0 not now' }, {}, /answered 454 to STARTTLS/],
    [
      'says more than its reply to STARTTLS',
      { ...withTls, STARTTLS: '220 go on\r\n250 2.1.5 injected' },
      {},
      /said more than its reply/,
    ],
    ['is vouched for by nobody', withTls, { tls: 'verify' }, /self-signed/],
    ['is another', withTls, { tls: 'verify', caFile, host: 'other.example' }, /altnames/i],
    ['speaks no TLS behind its 220', { keywords: ['STARTTLS'], STARTTLS: '220 go\r\n' }, {}, /./],
  ];
  for (const [what, script, more, error] of refusals) {
    test(`that ${what} is told no address, and gives no answer`, async () => {
      await using hop = await scriptedHop(script);
      await assert.rejects(async () => asked(hop.port, more), error);
      assert.ok(!hop.sessions[0]?.lines.some((line) => line.startsWith('RCPT')));
    });
  }

  test('that is silent in the handshake is left when the time is up', async () => {
    const late = new AbortController();
    const server = createTcp((socket) => {
      socket.on('error', () => {});
      socket.write('220 hop.example\r\n');
      socket.on('data', (octets) => {
        if (octets.toString().startsWith('EHLO')) socket.write('250-hop.example\r\n250 STARTTLS\r\n');
        else if (octets.toString().startsWith('STARTTLS')) socket.write('220 go on\r\n');
        else late.abort();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await assert.rejects(async () => asked(port, {}, late.signal), /no answer in time/);
    // Nothing of it stays open.
    await new Promise((resolve) => server.close(resolve));
  });

  test('refuses a configuration that cannot be meant', () => {
    for (const more of [{ caFile }, { tls: 'verify', caFile: join(folder, 'gone.pem') }])
      assert.throws(() => void asked(25, more), config);
  });
});
