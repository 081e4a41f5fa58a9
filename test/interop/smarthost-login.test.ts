// deliver-smtp logs in at real smarthosts: Posthouse with users in a file, by each mechanism that it has for passwords, and
// with a web service that knows tokens; and Postfix, which asks a real Dovecot.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { durableStore } from '../support/durable-house.ts';
import { makeCertificate } from '../support/loopback-certificate.ts';
import { startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { type Configuration, ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { missingDovecot, PASSWORD, startDovecot } from './dovecot.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const CLI = `${ROOT}core/dist/src/cli/main.js`;
const RELAY_ONLY = { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } };
/** Too long for one line with AUTH (RFC 4954 §4). */
const TOKEN = 'pencil'.repeat(100);
const MESSAGE = Buffer.from('Subject: hello\r\n\r\nHi\r\n');

interface Route {
  readonly domain: string;
  /** Where its mail goes, over TLS whose certificate is verified. */
  readonly hop: string;
  readonly login:
    | { readonly user: string; readonly password: string }
    | { readonly user: string; readonly token: string };
}

function relay(routes: readonly Route[], caFile: string): Configuration {
  const config = {
    routes: Object.fromEntries(routes.map(({ domain, hop }) => [domain, hop])),
    auth: Object.fromEntries(routes.map(({ hop, login }) => [hop, login])),
    ...{ addressFamily: 'ipv4', tls: 'verify', caFile },
  };
  const use = '@posthouse/deliver-smtp';
  return { hostname: 'relay.test', control: false, plugins: [durableStore(), RELAY_ONLY, { use, config }] };
}

/** What became of one message along each route. */
async function outcomesOf(routes: readonly Route[], caFile: string): Promise<Record<string, string>> {
  using folder = new TemporaryFolder('interop-login');
  await using server = await ServerProcess.start(folder.path, relay(routes, caFile));
  const outcomes: Record<string, string> = {};
  for (const { domain } of routes) await sendRaw(server.port, 'ann@relay.test', [`bob@${domain}`], MESSAGE);
  for (const { domain } of routes) {
    const { outcome } = await server.until(
      ({ msg, recipient }) => msg === 'recipient-settled' && recipient === `bob@${domain}`,
    );
    const { kind, status, text } = outcome as { kind: string; status?: string; text?: string };
    outcomes[domain] = [kind, status, text].filter((part) => part !== undefined).join(' ');
  }
  await server.stop();
  return outcomes;
}

/** The same server under two names, so that one of them can have the wrong password, or the wrong token. */
function bothRoutes(name: string, port: number, login: Route['login']): readonly Route[] {
  const wrong = 'token' in login ? { ...login, token: 'crayon' } : { ...login, password: 'crayon' };
  return [
    { domain: `${name}.good.test`, hop: `[localhost]:${port}`, login },
    { domain: `${name}.bad.test`, hop: `[127.0.0.1]:${port}`, login: wrong },
  ];
}

/** Knows one token. */
async function tokenService(): Promise<{ readonly url: string; close(): void }> {
  const service = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    response.writeHead((JSON.parse(body) as { token?: string }).token === TOKEN ? 200 : 401).end('{}');
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(service.address() as AddressInfo).port}/login`,
    close: () => void service.close(),
  };
}

test('at Posthouse with auth-file and auth-http, by PLAIN, LOGIN, SCRAM-SHA-256 and XOAUTH2', async (t) => {
  const service = await tokenService();
  t.after(() => service.close());
  using hop = new TemporaryFolder('interop-login-hop');
  const { cert, key } = makeCertificate(hop.path);
  for (const scheme of ['scrypt', 'scram-sha-256']) {
    const passwd = [CLI, 'passwd', '--file', hop.join(`users-${scheme}`), '--scheme', scheme, 'house'];
    assert.equal((await run(process.execPath, passwd, 'pencil\n')).status, 0);
  }
  const mechanisms = { plain: 'PLAIN', login: 'LOGIN', scram: 'SCRAM-SHA-256', token: 'XOAUTH2' } as const;
  const names = Object.keys(mechanisms);
  const domains = names.map((name) => `${name}.good.test`);
  await using server = await ServerProcess.start(hop.path, {
    hostname: 'hop.test',
    control: false,
    tls: { cert, key },
    listeners: Object.entries(mechanisms).map(([name, mechanism]) => ({
      ...{ name, host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'required' },
      authMechanisms: [mechanism],
    })),
    deadlines: { authDelay: 0 },
    plugins: [
      durableStore(),
      { use: '@posthouse/auth-file', on: ['plain', 'login'], config: { path: './users-scrypt' } },
      {
        use: '@posthouse/auth-file',
        name: 'scram',
        on: ['scram'],
        config: { path: './users-scram-sha-256' },
      },
      { use: '@posthouse/auth-http', on: ['token'], config: { url: service.url, tokens: true } },
      { use: '@posthouse/accept-domains', config: { domains } },
      { use: '@posthouse/deliver-maildir', config: { domains, path: './mail/{domain}' } },
    ],
  });
  const routes = names.flatMap((name) =>
    bothRoutes(name, server.portOf(name), {
      user: 'house',
      ...(name === 'token' ? { token: TOKEN } : { password: 'pencil' }),
    }),
  );
  const outcomes = await outcomesOf(routes, cert);
  for (const name of names) {
    assert.match(outcomes[`${name}.good.test`] ?? '', /^delivered/);
    assert.match(outcomes[`${name}.bad.test`] ?? '', /^deferred 4\.7\.8 .*535/);
    const [message] = await mailIn(hop.join('mail', `${name}.good.test`), 1);
    assert.match(String(message), /with ESMTPSA/);
  }
  for (const expected of Object.values(mechanisms))
    await server.until(({ msg, mechanism }) => msg === 'authentication-succeeded' && mechanism === expected);
  await server.stop();
});

test('at Postfix with the users of Dovecot', async (t) => {
  const missing = missingProgram('postconf', 'mail_version') ?? missingDovecot() ?? missingRoot();
  if (lacks(t, missing)) return;
  using last = new TemporaryFolder('interop-login-last');
  using middle = new TemporaryFolder('interop-login-postfix');
  using users = new TemporaryFolder('interop-login-dovecot');
  const { cert, key } = makeCertificate(middle.path);
  // Postfix asks as a user of its own.
  chmodSync(users.path, 0o755);
  mkdirSync(users.join('dovecot'));
  const dovecot = await startDovecot(users.join('dovecot'));
  const domains = ['postfix.good.test'];
  await using server = await ServerProcess.start(last.path, {
    control: false,
    plugins: [
      durableStore(),
      { use: '@posthouse/accept-domains', config: { domains } },
      { use: '@posthouse/deliver-maildir', config: { domains, path: './mail' } },
    ],
  });
  const postfix = await startPostfix(
    middle.path,
    `myhostname = postfix.posthouse.test
relayhost = [127.0.0.1]:${server.port}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = ${cert}
smtpd_tls_key_file = ${key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${dovecot.authSocket}
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_sasl_authenticated_header = yes`,
  );
  try {
    const outcomes = await outcomesOf(
      bothRoutes('postfix', postfix.port, { user: 'bob', password: PASSWORD }),
      cert,
    );
    assert.match(outcomes['postfix.good.test'] ?? '', /^delivered/);
    assert.match(outcomes['postfix.bad.test'] ?? '', /^deferred 4\.7\.8 .*535/);
    const [message] = await mailIn(last.join('mail'), 1);
    assert.match(String(message), /Authenticated sender: bob/);
  } finally {
    postfix.stop();
    await dovecot.stop();
  }
  await server.stop();
});
