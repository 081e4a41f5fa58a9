// check-recipients asks real ones who has a mailbox: PostgreSQL, OpenLDAP's slapd, with TLS and without, and
// Dovecot's LMTP server. One that has gone is no answer, and is asked again when it is back.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import checkRecipients from '@posthouse/check-recipients';
import { mount } from '@posthouse/core/testing';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { makeCertificate } from '../support/loopback-certificate.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';
import { missingDovecot, startDovecot } from './dovecot.ts';

type Config = Parameters<typeof checkRecipients>[0];
const DOMAIN = 'a.example';

/** What the plugin says of each local part. */
async function opened(source: object) {
  // Nothing is remembered, so that each question is asked.
  const config = { domains: [DOMAIN], knownFor: 0, unknownFor: 0, staleFor: 0, timeout: '5s', ...source };
  const plugin = await mount(checkRecipients(config as unknown as Config));
  return {
    [Symbol.asyncDispose]: () => plugin[Symbol.asyncDispose](),
    async kinds(...locals: readonly string[]): Promise<readonly string[]> {
      const kinds: string[] = [];
      for (const local of locals)
        kinds.push((await plugin.ask('on-rcpt', { recipient: `${local}@${DOMAIN}` })).kind);
      return kinds;
    },
    get log(): string {
      return JSON.stringify(plugin.log.lines);
    },
  };
}

const POSTGRES = globSync('/usr/lib/postgresql/*/bin')[0] ?? '/usr/lib/postgresql/bin';
const asPostgres = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];

test('PostgreSQL', async (t) => {
  if (lacks(t, missingRoot() ?? missingProgram(join(POSTGRES, 'postgres'), '--version'))) return;
  using folder = new TemporaryFolder('interop-recipients');
  chmodSync(folder.path, 0o777);
  const data = folder.join('data');
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync('setpriv', [...asPostgres, join(POSTGRES, program), ...args], {
      stdio: 'ignore',
      cwd: folder.path,
    });
  run('initdb', '-D', data, '-A', 'trust', '--no-sync', '--no-locale', '-E', 'UTF8');
  const settings = `-c fsync=off -c listen_addresses= -c unix_socket_directories=${folder.path}`;
  // It waits until the server answers queries, and until it is gone.
  const server = (what: 'start' | 'stop') =>
    run('pg_ctl', '-D', data, '-w', '-m', 'fast', '-l', folder.join('log'), '-o', settings, what);
  server('start');
  try {
    const tables =
      "CREATE TABLE mailboxes (local text, domain text, active bool); INSERT INTO mailboxes VALUES ('ann', 'a.example', true), ('old', 'a.example', false)";
    run('psql', '-h', folder.path, '-U', 'postgres', '-qc', tables);
    const query = 'SELECT 1 FROM mailboxes WHERE local = {local} AND domain = {domain} AND active';
    await using house = await opened({
      sql: { postgresql: `postgres://postgres@localhost/postgres?host=${folder.path}`, query },
    });
    const asked = ['ann', 'old', 'eve', `"' or '1'='1"`];
    assert.deepEqual(await house.kinds(...asked), ['accept', 'reject', 'reject', 'reject']);
    server('stop');
    assert.deepEqual(await house.kinds('ann'), ['defer']);
    server('start');
    assert.deepEqual(await house.kinds('ann', 'eve'), ['accept', 'reject'], house.log);
  } finally {
    server('stop');
  }
});

/** A directory with three people, in a folder of its own. @param settings of slapd.conf, before its database */
function makeDirectory(folder: TemporaryFolder, settings: readonly string[] = []): string {
  mkdirSync(folder.join('db'));
  const conf = folder.join('slapd.conf');
  writeFileSync(
    conf,
    [
      ...['core', 'cosine', 'inetorgperson'].map((schema) => `include /etc/ldap/schema/${schema}.schema`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      ...settings,
      'database mdb',
      'suffix "dc=example"',
      'rootdn "cn=admin,dc=example"',
      'rootpw secret',
      `directory ${folder.join('db')}`,
      'require authc',
      '',
    ].join('\n'),
  );
  const person = (name: string) =>
    `dn: uid=${name},dc=example\nobjectClass: inetOrgPerson\nuid: ${name}\ncn: ${name}\nsn: ${name}\nmail: ${name}@${DOMAIN}\n`;
  const ldif = `dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n\n${['ann', 'bob', 'o(b)*'].map(person).join('\n')}`;
  writeFileSync(folder.join('people.ldif'), ldif);
  execFileSync('slapadd', ['-q', '-f', conf, '-l', folder.join('people.ldif')], { stdio: 'pipe' });
  return conf;
}

const DIRECTORY = {
  bindDn: 'cn=admin,dc=example',
  password: 'secret',
  base: 'dc=example',
  filter: '(&(objectClass=inetOrgPerson)(mail={address}))',
};

test('slapd', async (t) => {
  if (lacks(t, missingProgram('slapd', '-VV'))) return;
  using folder = new TemporaryFolder('interop-recipients');
  const conf = makeDirectory(folder);
  const port = await freePort();
  const start = () =>
    Daemon.start('slapd', ['-f', conf, '-h', `ldap://127.0.0.1:${port}`, '-d', '0'], { port });
  let server = await start();
  try {
    const ldap = { ...DIRECTORY, url: `ldap://127.0.0.1:${port}` };
    await using house = await opened({ ldap });
    const asked = ['ann', 'eve', '*', '"o(b)*"'];
    assert.deepEqual(await house.kinds(...asked), ['accept', 'reject', 'reject', 'accept']);
    await using several = await opened({
      ldap: { ...ldap, filter: '(|(mail={address})(objectClass=person))' },
    });
    assert.deepEqual(await several.kinds('ann'), ['accept']);
    await using stranger = await opened({ ldap: { ...ldap, password: 'wrong' } });
    assert.deepEqual(await stranger.kinds('ann'), ['defer']);
    await server.stop();
    assert.deepEqual(await house.kinds('ann'), ['defer']);
    server = await start();
    assert.deepEqual(await house.kinds('ann', 'eve'), ['accept', 'reject']);
  } finally {
    await server.stop();
  }
});

test('slapd by TLS, with a certificate of a CA of its own', async (t) => {
  if (lacks(t, missingProgram('slapd', '-VV'))) return;
  using folder = new TemporaryFolder('interop-recipients');
  const { cert, key } = makeCertificate(folder.path);
  // Nobody may bind in clear.
  const files = [`TLSCertificateFile ${cert}`, `TLSCertificateKeyFile ${key}`, 'security simple_bind=128'];
  const conf = makeDirectory(folder, files);
  const [clear, secure] = [await freePort(), await freePort()];
  const urls = `ldap://127.0.0.1:${clear} ldaps://127.0.0.1:${secure}`;
  const server = await Daemon.start('slapd', ['-f', conf, '-h', urls, '-d', '0'], { port: secure });
  try {
    const startTls = { ...DIRECTORY, url: `ldap://127.0.0.1:${clear}`, startTls: true };
    const implicit = { ...DIRECTORY, url: `ldaps://127.0.0.1:${secure}` };
    for (const ldap of [startTls, implicit]) {
      await using house = await opened({ ldap: { ...ldap, caFile: cert } });
      assert.deepEqual(await house.kinds('ann', 'eve'), ['accept', 'reject'], house.log);
      // The CAs of the system do not vouch for it.
      await using stranger = await opened({ ldap });
      assert.deepEqual(await stranger.kinds('ann'), ['defer']);
      assert.match(stranger.log, /self-signed certificate/);
    }
    await using open = await opened({ ldap: { ...DIRECTORY, url: `ldap://127.0.0.1:${clear}` } });
    assert.deepEqual(await open.kinds('ann'), ['defer']);
    assert.match(open.log, /confidentiality required/i);
    server.pause();
    await using waiting = await opened({ ldap: { ...startTls, caFile: cert }, timeout: '300ms' });
    assert.deepEqual(await waiting.kinds('ann'), ['defer']);
  } finally {
    server.resume();
    await server.stop();
  }
});

test('the LMTP server of Dovecot', async (t) => {
  if (lacks(t, missingRoot() ?? missingDovecot())) return;
  using folder = new TemporaryFolder('interop-recipients');
  const dovecot = await startDovecot(folder.path);
  try {
    await using bySocket = await opened({ nextHop: { protocol: 'lmtp', socket: dovecot.socket } });
    assert.deepEqual(await bySocket.kinds('ann', 'nobody-here'), ['accept', 'reject'], bySocket.log);
    const port = { protocol: 'lmtp', host: '127.0.0.1', port: dovecot.lmtpPort };
    await using byPort = await opened({ nextHop: port });
    assert.deepEqual(await byPort.kinds('bob', 'nobody-here'), ['accept', 'reject']);
  } finally {
    await dovecot.stop();
  }
});
