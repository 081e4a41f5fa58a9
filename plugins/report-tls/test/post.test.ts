// Reports by HTTPS, with a real server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LOCAL_NETWORKS, TrustedNetworks } from '@posthouse/core';
import { type FakeClock, fakeClock, fakeResolver } from '@posthouse/core/testing';
import { type PostServices, postReport } from '../src/post.ts';

let folder: string;
let server: Server;
let cert: string;
let status: number | undefined = 201;
const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
const clock: FakeClock = fakeClock();

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-tls-'));
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=r.example -addext subjectAltName=DNS:r.example -keyout ${key} -out ${file}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  cert = readFileSync(file, 'utf8');
  server = createServer({ key: readFileSync(key), cert }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      if (status !== undefined) response.writeHead(status, { location: 'https://else.example/' }).end('x');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const url = (host = 'r.example'): string => `https://${host}:${(server.address() as AddressInfo).port}/tls`;
const services = (over: Partial<PostServices> = {}): PostServices => ({
  resolver: fakeResolver({ 'r.example': { a: ['127.0.0.1'] }, 'other.example': { a: ['127.0.0.1'] } }),
  clock,
  forbidden: { has: () => false },
  timeout: 30_000,
  ca: cert,
  ...over,
});

test('a report is posted as RFC 8460 §5.4 has it', async () => {
  status = 201;
  await postReport(url(), Buffer.from('packed'), services());
  const [first] = seen;
  assert.equal(first?.headers['content-type'], 'application/tlsrpt+gzip');
  assert.equal(first?.body, 'packed');
});

test('what is not taken is an error, a redirection too, which is not followed', async () => {
  for (const [answer, expected] of [
    [500, /HTTP 500/],
    [302, /HTTP 302/],
  ] as const) {
    status = answer;
    await assert.rejects(postReport(url(), Buffer.from('x'), services()), expected);
  }
});

test('a server that says nothing is given up in time', async () => {
  status = undefined;
  const before = seen.length;
  const failed = assert.rejects(postReport(url(), Buffer.from('x'), services()), /no answer in time/);
  while (seen.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
  await clock.advance(30_000);
  await failed;
});

test('a certificate for another name gets no report', async () => {
  const before = seen.length;
  await assert.rejects(postReport(url('other.example'), Buffer.from('x'), services()), /altnames/);
  assert.equal(seen.length, before);
});

test('nothing is posted to this machine or its networks, whatever a record says', async () => {
  const before = seen.length;
  const forbidden = new TrustedNetworks(LOCAL_NETWORKS, 'test');
  for (const host of ['r.example', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]'])
    await assert.rejects(
      postReport(url(host), Buffer.from('x'), services({ forbidden })),
      /has an address in a local network/,
    );
  await assert.rejects(postReport('https://none.example/', Buffer.from('x'), services()), /no address/);
  assert.equal(seen.length, before);
});
