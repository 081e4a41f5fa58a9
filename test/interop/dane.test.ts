// DANE with a real unbound that validates signed zones, and a next hop with a certificate that no CA knows.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeCertificate } from '../support/loopback-certificate.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { Unbound } from '../support/signed-zones.ts';
import { sendRaw } from './send-raw.ts';

const DOMAINS = ['good.signed.test', 'wrong.signed.test', 'none.signed.test', 'plain.test', 'bogus.test'];

test('mail goes where signed TLSA records vouch for the certificate, and is kept where they do not', async (t) => {
  const missing =
    missingProgram('unbound', '-V') ??
    missingProgram('ldns-signzone', '-v') ??
    missingProgram('openssl', 'version');
  if (lacks(t, missing)) return;
  using last = new TemporaryFolder('interop-dane-hop');
  using first = new TemporaryFolder('interop-dane');
  using names = new TemporaryFolder('interop-dane-dns');
  const { cert, key } = makeCertificate(last.path);
  await using hop = await ServerProcess.start(last.path, {
    hostname: 'mx.signed.test',
    control: false,
    tls: { cert, key },
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './queue' } },
      { use: '@posthouse/accept-domains', config: { domains: DOMAINS } },
      { use: '@posthouse/deliver-maildir', config: { domains: DOMAINS, path: './mail/{domain}' } },
    ],
  });

  const spki = new X509Certificate(readFileSync(cert)).publicKey.export({ type: 'spki', format: 'der' });
  const right = createHash('sha256').update(spki).digest('hex');
  const wrong = createHash('sha256').update('another key').digest('hex');
  const host = (name: string, digest?: string): string[] => [
    `${name} IN MX 10 mx.${name}`,
    `mx.${name} IN A 127.0.0.1`,
    ...(digest === undefined ? [] : [`_${hop.port}._tcp.mx.${name} IN TLSA 3 1 1 ${digest}`]),
  ];
  const apex = ['@ IN MX 10 mx', 'mx IN A 127.0.0.1', `_${hop.port}._tcp.mx IN TLSA 3 1 1 ${wrong}`];
  await using dns = await Unbound.start(names.path, [
    {
      name: 'signed.test',
      records: [...host('good', right), ...host('wrong', wrong), ...host('none')],
      signatures: 'good',
    },
    { name: 'plain.test', records: apex, signatures: 'none' },
    { name: 'bogus.test', records: apex, signatures: 'wrong' },
  ]);

  await using relay = await ServerProcess.start(first.path, {
    hostname: 'relay.test',
    control: false,
    dns: { servers: [dns.address] },
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './queue' } },
      { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } },
      {
        use: '@posthouse/deliver-smtp',
        config: { port: hop.port, tls: 'dane', dnssec: { resolvers: [dns.address] } },
      },
    ],
  });
  for (const domain of DOMAINS)
    await sendRaw(
      relay.port,
      'ann@relay.test',
      [`bob@${domain}`],
      Buffer.from('Subject: hello\r\n\r\nHi\r\n'),
    );

  const outcomes = new Map<string, string>();
  for (const domain of DOMAINS) {
    const line = await relay.until(
      ({ msg, recipient }) => msg === 'recipient-settled' && recipient === `bob@${domain}`,
    );
    const { kind, status, text } = line.outcome as { kind: string; status?: string; text?: string };
    outcomes.set(domain, [kind, status, text].join(' '));
  }
  assert.match(outcomes.get('good.signed.test') ?? '', /^delivered/);
  assert.match(outcomes.get('wrong.signed.test') ?? '', /^deferred 4\.7\.5 .*TLSA records vouch for/);
  assert.match(outcomes.get('none.signed.test') ?? '', /^delivered/, 'signed, and nothing published');
  assert.match(outcomes.get('plain.test') ?? '', /^delivered/, 'what is not signed does not count');
  assert.match(outcomes.get('bogus.test') ?? '', /^deferred 4\.4\.3 .*does not validate \(DNSSEC\)/);
  await relay.stop();
  await hop.stop();
});
