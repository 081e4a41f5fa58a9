// Our SPF and DKIM beside mailauth's, which is a second opinion: over whatever fast-check comes up with, both say the same.

import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fakeClock, fakeResolver } from '@posthouse/core/testing';
import fc from 'fast-check';
import { checkSpf } from '../src/check.ts';
import { KeyRecords } from '../src/dkim/key-record.ts';
import { DkimVerifier } from '../src/dkim/verifier.ts';
import { fieldsOf, type OctetField, octetFields } from '../src/header-fields.ts';
import { LookupFailure, Lookups } from '../src/lookups.ts';
import { Policies } from '../src/spf/check-host.ts';
import { recordOf } from './keys.ts';

interface Verifier {
  messageHeaders(fields: { parsed: OctetField[]; original: Buffer }): Promise<void>;
  nextChunk(body: Uint8Array): Promise<void>;
  finalChunk(): Promise<void>;
  readonly results: readonly { readonly status: { readonly result: string } }[];
}
const mailauth = createRequire(import.meta.resolve('mailauth/package.json'));
const { DkimVerifier: Theirs } = mailauth('mailauth/lib/dkim/dkim-verifier.js') as {
  DkimVerifier: new (options: object) => Verifier;
};
const { spf } = mailauth('mailauth/lib/spf/index.js') as {
  spf(options: object): Promise<{ status: { result: string } }>;
};
const { dkimSign } = mailauth('mailauth/lib/dkim/sign.js') as {
  dkimSign(message: Buffer, options: object): Promise<{ signatures: string }>;
};

type Zone = Parameters<typeof fakeResolver>[0];
const NOW = Date.UTC(2026, 10, 24);
const CLIENT = '192.0.2.9';

/** DNS in the shape of node:dns, for mailauth. */
function nodeDns(zone: Zone) {
  const resolver = fakeResolver(zone);
  return async (name: string, type: string): Promise<unknown[]> => {
    const records: unknown[] =
      type === 'TXT'
        ? (await resolver.txt(name)).map((text) => [text])
        : type === 'MX'
          ? (await resolver.mxRecords(name)).map(({ exchange, preference }) => ({
              exchange,
              priority: preference,
            }))
          : type === 'A'
            ? [...(await resolver.addresses(name)).v4]
            : type === 'AAAA'
              ? [...(await resolver.addresses(name)).v6]
              : [...(await resolver.ptr(CLIENT))];
    if (records.length === 0) throw new LookupFailure('ENODATA', `no ${type} at ${name}`);
    return records;
  };
}

const lookupsIn = (zone: Zone) =>
  new Lookups(fakeResolver(zone), fakeClock(), { time: 8000, lookups: 100 }, CLIENT);

async function ours(message: string, zone: Zone): Promise<readonly string[]> {
  const [header, body] = halves(message);
  const settings = { minBits: 1024, now: NOW };
  const verifier = new DkimVerifier(fieldsOf(header, 10), new KeyRecords(), lookupsIn(zone), settings);
  verifier.update(body);
  return (await verifier.results()).map(({ result }) => result);
}

async function theirs(message: string, zone: Zone): Promise<readonly string[]> {
  const [header, body] = halves(message);
  const verifier = new Theirs({
    resolver: nodeDns(zone),
    strict: true,
    minBitLength: 1024,
    curTime: NOW,
    sender: 'postmaster@localhost',
  });
  await verifier.messageHeaders({ parsed: octetFields(fieldsOf(header, 10)), original: header });
  await verifier.nextChunk(body);
  await verifier.finalChunk();
  return verifier.results.map(({ status }) => status.result);
}

function halves(message: string): readonly [Buffer, Buffer] {
  const octets = Buffer.from(message, 'latin1');
  const end = octets.indexOf('\r\n\r\n') + 2;
  return [octets.subarray(0, end), octets.subarray(end + 2)];
}

const keys: Readonly<Record<string, KeyObject>> = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
  short: generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey,
  ed: generateKeyPairSync('ed25519').privateKey,
};
const good = Object.fromEntries(
  Object.entries(keys).map(([name, key]) => [`${name}._domainkey.a.example`, { txt: [recordOf(key)] }]),
);

const line = fc
  .array(fc.constantFrom('word', ' ', '  ', '\t', 'x', '\xe4', '.', ':', ';', '=', '\r'), { maxLength: 9 })
  .map((parts) => parts.join(''));
const body = fc.array(line, { maxLength: 6 }).map((lines) => lines.map((each) => `${each}\r\n`).join(''));
const field = fc
  .tuple(fc.constantFrom('Subject', 'subject ', 'To', 'X-A', 'From', 'List-Id'), line)
  .map(
    ([name, value]) =>
      `${name}: ${value.replaceAll('\r', '')}${value.length % 3 === 0 ? '\r\n\tfolded' : ''}\r\n`,
  );
const header = fc
  .array(field, { maxLength: 5 })
  .map((fields) => `From: Ann <ann@a.example>\r\n${fields.join('')}`);

/** Ways in which a signature or a message is not what it was. */
const changes: readonly ((message: string) => string)[] = [
  (message) => message,
  (message) => message.replace('word', 'Word'),
  (message) => message.replace(/\r\n$/, ''),
  (message) => `${message}\r\n\r\n`,
  (message) => `${message}more\r\n`,
  (message) => message.replace('  ', ' '),
  (message) => message.replace(/^Subject/m, 'subject'),
  (message) => message.replace('\r\n\r\n', '\r\nSubject: another\r\n\r\n'),
  (message) => message.replace('\r\n\r\n', '\r\nFrom: eve@b.example\r\n\r\n'),
  (message) => message.replace('c=relaxed/relaxed', 'c=relaxed'),
  (message) => message.replace(/ c=[^;]*;/, ''),
  (message) => message.replace(/c=[^;]*;/, 'c=wild/simple;'),
  (message) => message.replace('v=1', 'v=2'),
  (message) => message.replace('v=1;', 'v=1;;'),
  (message) => message.replace('v=1;', 'v=1; v=1;'),
  (message) => message.replace('v=1;', 'v=1; nothing;'),
  (message) => message.replace('v=1;', 'v=1; x1=2;'),
  (message) => message.replace('v=1;', 'v=1; i=@sub.a.example;'),
  (message) => message.replace('v=1;', 'v=1; i=@b.example;'),
  (message) => message.replace('v=1;', 'v=1; q=dns/other;'),
  (message) => message.replace('v=1;', 'v=1; l=0;'),
  (message) => message.replace('v=1;', 'v=1; l=x;'),
  (message) => message.replace(' d=', ' D='),
  (message) => message.replace('d=a.example', 'd=example'),
  (message) => message.replace(/ s=\w+;/, ' s=none;'),
  (message) => message.replace(/ s=\w+;/, ' s=-;'),
  (message) => message.replace(/ bh=[^;]*;/, ''),
  (message) => message.replace(/ b=[\s\S]{3}/, ' b=AAA'),
  (message) => message.replace(/ h=[^;]*;/, ' h=subject;'),
  (message) => message.replace(/ h=[^;]*;/, ' h=;'),
  (message) => message.replace('rsa-sha256', 'rsa-md5'),
  (message) => message.replace('rsa-sha256', 'ed25519-sha256'),
  (message) => message.replace('DKIM-Signature:', 'dkim-signature :'),
  (message) => message.replace(/ t=(\d+)/, ' t=$1; x=1'),
  (message) => message.replace(/ t=(\d+)/, ' t=5; x=9'),
];

/** Ways in which the record of a key is not what it was. */
const records: readonly ((record: string) => string)[] = [
  (record) => record,
  (record) => record.replace('v=DKIM1; ', ''),
  (record) => record.replace('v=DKIM1', 'v=DKIM2'),
  (record) => record.replace('v=DKIM1; ', 'n=x; v=DKIM1; '),
  (record) => record.replace(/k=\w+/, 'k=rsa'),
  (record) => record.replace(/ k=\w+;/, ''),
  (record) => record.replace(/k=\w+/, 'k=x'),
  (record) => record.replace(/p=.*/, 'p='),
  (record) => record.replace(/p=.*/, 'p=!!'),
  (record) => record.replace(/p=.*/, 'p=AAAA'),
  (record) => `${record};`,
  (record) => `${record}; t=s`,
  (record) => `${record}; t=y:s`,
  (record) => `${record}; h=sha1`,
  (record) => `${record}; h=sha1 : sha256`,
  (record) => `${record}; s=tlsrpt`,
  (record) => `${record}; s=*`,
  (record) => `${record}; nonsense`,
];

test('DKIM: the same of what mailauth has signed, changed or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      header,
      body,
      fc.constantFrom('rsa', 'ed', 'short'),
      fc.constantFrom('simple/simple', 'relaxed/relaxed', 'simple/relaxed', 'relaxed/simple'),
      fc.constantFrom(...changes),
      fc.oneof({ weight: 2, arbitrary: fc.constant(records[0]) }, fc.constantFrom(...records)),
      fc.option(fc.nat(30), { nil: undefined }),
      async (head, text, name, canonicalization, change, record, maxBodyLength) => {
        const message = `${head}\r\n${text}`;
        const privateKey = keys[name] as KeyObject;
        const { signatures } = await dkimSign(Buffer.from(message, 'latin1'), {
          canonicalization,
          signTime: new Date(NOW - 1000),
          signatureData: [
            {
              signingDomain: 'a.example',
              selector: name,
              privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
              ...(maxBodyLength !== undefined && { maxBodyLength }),
            },
          ],
        });
        const changed = change(`${signatures}${message}`);
        const published = record?.(recordOf(privateKey)) ?? '';
        const zone = { ...good, [`${name}._domainkey.a.example`]: { txt: [published] } };
        assert.deepEqual(await ours(changed, zone), await theirs(changed, zone), `${changed}\n${published}`);
      },
    ),
    { numRuns: 400 },
  );
});

test('SPF: the same of any policy and any zone', async () => {
  const name = fc.constantFrom(
    'a.example',
    'b.example',
    'c.example',
    '%{d}',
    '%{i}.x.example',
    '%{l}.a.example',
    'x',
  );
  const term = fc.oneof(
    fc.constantFrom('a', 'mx', '-all', '~all', '?all', '+all', 'ptr', 'ip4:192.0.2.0/24', 'ip4:192.0.2.8/30'),
    fc.constantFrom(
      'ip4:1',
      'ip6:2001:db8::/32',
      'ip4:192.0.2.9/33',
      'a/24',
      'mx//64',
      'x=y',
      'all:',
      'unknown',
    ),
    fc
      .tuple(fc.constantFrom('include:', 'a:', 'mx:', 'exists:', 'redirect=', 'exp=', '-a:', 'ptr:'), name)
      .map((parts) => parts.join('')),
  );
  const record = fc.oneof(
    { weight: 8, arbitrary: fc.array(term, { maxLength: 5 }).map((terms) => ['v=spf1', ...terms].join(' ')) },
    fc.constantFrom('v=spf10 -all', 'V=SPF1 -all', 'other', 'v=spf1  -all ', 'v=spf1 a\t-all'),
  );
  const host = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        txt: fc
          .array(record, { minLength: 1, maxLength: 2 })
          .map((texts) => (texts.length === 2 && texts[0] !== texts[1] ? [texts[0] as string] : texts)),
        a: fc.constantFrom([], [CLIENT], ['192.0.2.1', '203.0.113.1']),
        mx: fc.constantFrom([], ['a.example'], ['b.example', 'c.example']),
      }),
    },
    fc.constant('unavailable' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      host,
      host,
      host,
      fc.constantFrom('ann@a.example', 'a.example', '@a.example', ''),
      async (a, b, c, sender) => {
        const zone: Zone = {
          'a.example': a,
          'b.example': b,
          'c.example': c,
          [CLIENT]: { ptr: ['c.example', 'sub.b.example'] },
          'sub.b.example': { a: [CLIENT] },
        };
        const asked = { sender, client: CLIENT, helo: 'b.example' };
        const mine = await checkSpf(new Policies(), asked, lookupsIn(zone));
        const { status } = await spf({
          sender,
          ip: CLIENT,
          helo: 'b.example',
          mta: 'x',
          resolver: nodeDns(zone),
          strict: true,
        });
        assert.equal(mine.result, status.result, JSON.stringify(zone));
      },
    ),
    { numRuns: 1500 },
  );
});
