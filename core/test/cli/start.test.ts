import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { welcome } from '../../src/cli/start.ts';
import { resolveDefinition } from '../../src/server/configuration/index.ts';
import { pluginModule, workshop } from '../server/configuration/workshop.ts';
import { MAIN, posthouse } from './posthouse.ts';

test('start tells people where it listens, keeps the log on standard output, answers queue, and ends in order', {
  timeout: 30_000,
}, async (context) => {
  const { write } = workshop(context);
  write(
    'accept-x.mjs',
    pluginModule('accept-x', undefined, "{ describe: () => 'mail lands nowhere\\u0007' }"),
  );
  const file = write(
    'posthouse.yaml',
    "hostname: mx.example.org\nlisteners: [{ name: mx, host: 127.0.0.1, port: 0 }]\nplugins: [{ use: '@posthouse/core/store-memory' }, { use: ./accept-x.mjs }]\n",
  );
  const child = spawn(process.execPath, [MAIN, 'start', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8');
  while (!said.includes('--upload-file')) said += String((await once(child.stderr, 'data'))[0]);
  assert.match(said, /^mx\.example\.org is up \(Posthouse /);
  if (process.platform === 'linux')
    assert.match(
      readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'),
      /\0--max-semi-space-size=16\0.*\0start\0/,
    );
  assert.match(said, /^ {2}listens {2}mx on 127\.0\.0\.1:[1-9]\d*$/m);
  assert.match(said, /^ {2}plugins {2}mail lands nowhere\\u\{7\}$/m);

  assert.deepEqual(await posthouse(['queue', 'list', '--config', file]), {
    code: 0,
    out: 'The queue is empty.\n',
    said: '',
  });
  assert.deepEqual(await posthouse(['queue', 'summary', '--config', file]), {
    code: 0,
    out: 'The queue is empty.\n',
    said: '',
  });
  const second = await posthouse(['start', '--config', file]);
  assert.equal(second.code, 1);
  assert.match(second.said, /another running server has it/);

  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  const messages = out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  assert.ok(messages.includes('server-started') && messages.includes('server-stopped'), messages.join(' '));
});

test('the first mail goes to a local domain over a listener that can be reached, and nothing strange into the shell', () => {
  const definition = resolveDefinition(
    { hostname: 'mx.example.org', listeners: [{ name: 'mx', host: '::', port: 25 }], plugins: [] },
    '/srv',
  );
  const spoken = (domains: readonly string[]) =>
    welcome(
      {
        ...definition,
        plugins: [{ config: { domains }, mode: 'enforce' }] as unknown as typeof definition.plugins,
      },
      { addresses: [{ name: 'mx', host: '::', port: 2525 }], describe: () => [], cautions: () => [] },
    );
  assert.match(spoken(['example.com']), /smtp:\/\/\[::1\]:2525 --mail-from postmaster@example\.com /);
  assert.match(spoken(["x'; rm -rf /;'"]), /--mail-rcpt postmaster@mx\.example\.org /);
});

test('who may hand in mail gets a command of his own, and nobody is sent to a listener that wants a password without one', () => {
  const listeners = [
    { name: 'submission', host: '0.0.0.0', port: 587, tls: 'starttls', auth: 'required' },
    { name: 'mx', host: '0.0.0.0', port: 25, tls: 'none' },
  ] as const;
  const definition = resolveDefinition({ hostname: 'mx.example.org', listeners, plugins: [] }, '/srv');
  const addresses = listeners.map(({ name, host, port }) => ({ name, host, port }));
  const spoken = (senders: readonly string[], some: readonly (typeof addresses)[number][] = addresses) => {
    const plugins = [
      { spec: { name: 'accept-domains' }, config: { domains: ['example.org'] }, mode: 'enforce' },
      { spec: { name: 'accept-submission' }, config: { senders }, mode: 'enforce' },
    ] as unknown as typeof definition.plugins;
    return welcome(
      { ...definition, plugins },
      { addresses: [...some], describe: () => [], cautions: () => [] },
    );
  };
  const byName = spoken(['*@example.net', '{user}@example.net']);
  assert.match(byName, /curl -sS smtp:\/\/127\.0\.0\.1:25 --mail-from postmaster@example\.org /);
  assert.match(byName, /--ssl-reqd smtp:\/\/127\.0\.0\.1:587 --user ann --mail-from ann@example\.net /);
  assert.match(spoken(['{user}']), /--user ann@example\.org --mail-from ann@example\.org /);
  assert.match(spoken(["{user}@x';reboot;'"]), /--user ann@example\.org /);
  assert.doesNotMatch(spoken(['{user}'], addresses.slice(0, 1)), /Send a first mail/);
});
