import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Type } from 'typebox';
import { Duration, definePlugin, FilePath } from '../../../src/contract/index.ts';
import {
  controlSocketOf,
  loadConfiguration,
  redacted,
  resolveDefinition,
} from '../../../src/server/configuration/index.ts';
import type { ServerDefinition } from '../../../src/server/definition.ts';
import { pluginModule, workshop } from './workshop.ts';

const listener = { name: 'mx', host: '127.0.0.1', port: 0 };

const checkZones = definePlugin({
  name: 'check-zones',
  config: Type.Object({
    zones: Type.Array(Type.String(), { description: 'Zones.' }),
    timeout: Duration({ default: '5s', description: 'A wait.' }),
    cache: FilePath({ default: './cache', description: 'A folder.' }),
  }),
  setup: () => ({}),
});

test('a small file becomes a whole definition: defaults filled in, units as numbers, paths absolute', async (context) => {
  const { folder, write } = workshop(context);
  write('plugins/check-zones.mjs', pluginModule('check-zones', checkZones.plugin.config as object));
  const file = write(
    'posthouse.yaml',
    [
      'hostname: MX.Example.org',
      'listeners:',
      '  - { name: mx, port: 25 }',
      'limits: { messageSize: 1 MiB }',
      'plugins:',
      '  - use: ./plugins/check-zones.mjs',
      '    on: [mx]',
      '    mode: observe',
      '    timeout: 2s',
      '    config: { zones: [zen.example], cache: "./{domain}/x" }',
      '',
    ].join('\n'),
  );
  const resolved = await loadConfiguration(file, {});
  assert.equal(resolved.resolved, true);
  assert.equal(resolved.file, file);
  assert.equal(resolved.hostname, 'mx.example.org');
  assert.deepEqual(resolved.listeners, [
    {
      name: 'mx',
      port: 25,
      host: '0.0.0.0',
      tls: 'none',
      tlsRequired: false,
      clientCertificates: 'none',
      auth: 'none',
      authWithoutTls: false,
      rejectAt: 'at-once',
      bannerDelay: 0,
      earlyTalker: 'ignore',
      bareLf: 'refuse',
      bareCr: 'refuse',
      nul: 'refuse',
      protocol: 'smtp',
      vrfy: 'cannot-verify',
      priority: 'normal',
      dsn: 'on',
      binaryMime: false,
    },
  ]);
  assert.equal(resolved.limits.messageSize, 2 ** 20);
  assert.equal(resolved.limits.recipients, 1000);
  assert.equal(resolved.deadlines.hook, 10_000);
  assert.deepEqual(resolved.delivery.retryAfter.slice(0, 2), [60_000, 300_000]);
  assert.deepEqual(resolved.control, { socket: join(folder, 'var/control.sock') });
  assert.deepEqual(resolved.log, { level: 'info' });
  assert.deepEqual(resolved.dns, { servers: undefined, timeout: 5000 });
  const [{ spec, ...plugin } = assert.fail()] = resolved.plugins;
  assert.equal(spec.name, 'check-zones');
  assert.deepEqual(plugin, {
    name: 'check-zones',
    use: './plugins/check-zones.mjs',
    on: ['mx'],
    mode: 'observe',
    onError: 'defer',
    timeout: 2000,
    config: { zones: ['zen.example'], cache: join(folder, '{domain}/x'), timeout: 5000 },
  });
  assert.ok(resolved.written.has('limits.messageSize'));
  assert.ok(!resolved.written.has('limits.recipients'));
});

test('secrets come from the environment and from files, are read as numbers where one is wanted, and are remembered', async (context) => {
  const { write } = workshop(context);
  write('password.txt', 'hunter2\n');
  write(
    'auth-one.mjs',
    pluginModule('auth-one', {
      type: 'object',
      properties: {
        password: { type: 'string' },
        url: { type: 'string' },
        plain: { type: 'string' },
        deep: { type: 'array', items: { type: 'string' } },
      },
    }),
  );
  const file = write(
    'posthouse.yaml',
    [
      'hostname: mx.example.org',
      `listeners: [{ name: mx, host: 127.0.0.1, port: "\${env:PORT}" }]`,
      'plugins:',
      '  - use: ./auth-one.mjs',
      `    config: { password: '\${file:password.txt}', url: 'https://u:\${env:KEY}@x', plain: '$\${x}', deep: [a, '\${env:KEY}'] }`,
      '',
    ].join('\n'),
  );
  const resolved = await loadConfiguration(file, { PORT: '2525', KEY: '12345' });
  assert.equal(resolved.listeners[0]?.port, 2525);
  const config = resolved.plugins[0]?.config;
  assert.deepEqual(config, {
    password: 'hunter2',
    url: 'https://u:12345@x',
    plain: `\${x}`,
    deep: ['a', '12345'],
  });
  assert.deepEqual(redacted(config, 'plugins[0].config', resolved.secrets), {
    password: '(secret)',
    url: '(secret)',
    plain: `\${x}`,
    deep: ['a', '(secret)'],
  });
});

test('a definition in TypeScript goes the same way', () => {
  const resolved = resolveDefinition(
    {
      hostname: 'mx.example.org',
      listeners: [listener],
      limits: { messageSize: '1 MiB' },
      delivery: { retryAfter: ['1s', 5] },
      plugins: [
        checkZones({ zones: ['a.example'] }),
        { use: checkZones({ zones: ['b.example'], timeout: 7 }), name: 'second', timeout: '3s', mode: 'off' },
        { use: checkZones, name: 'third', config: { zones: [] } },
      ],
    },
    '/srv/mail',
  );
  assert.equal(resolved.limits.messageSize, 2 ** 20);
  assert.deepEqual(resolved.delivery.retryAfter, [1000, 5]);
  assert.equal(resolved.control, undefined, 'a library leaves no files about unasked');
  assert.deepEqual(
    resolved.plugins.map(({ name, config, mode, timeout }) => ({ name, config, mode, timeout })),
    [
      {
        name: 'check-zones',
        mode: 'enforce',
        timeout: undefined,
        config: { zones: ['a.example'], timeout: 5000, cache: '/srv/mail/cache' },
      },
      {
        name: 'second',
        mode: 'off',
        timeout: 3000,
        config: { zones: ['b.example'], timeout: 7, cache: '/srv/mail/cache' },
      },
      {
        name: 'third',
        mode: 'enforce',
        timeout: undefined,
        config: { zones: [], timeout: 5000, cache: '/srv/mail/cache' },
      },
    ],
  );
});

test('the definition that was given is not changed', () => {
  const zones = Object.freeze(['a.example']);
  const configured = checkZones({ zones: zones as string[] });
  const definition: ServerDefinition = Object.freeze({
    hostname: 'mx.example.org',
    listeners: Object.freeze([Object.freeze({ ...listener })]),
    plugins: Object.freeze([configured]),
  });
  const before = structuredClone(configured.config);
  resolveDefinition(definition, '/srv');
  resolveDefinition(definition, '/srv');
  assert.deepEqual(configured.config, before);
});

test('mistakes of a definition in TypeScript are all told, with their paths', () => {
  const definition = {
    hostname: 'mx.example.org',
    listeners: [{ ...listener, port: '25' }],
    plugin: [],
    plugins: [
      checkZones({ zones: 'zen.example' as unknown as string[] }),
      { use: '@posthouse/check-moonphase' },
      () => {},
    ],
  };
  assert.throws(() => resolveDefinition(definition as unknown as ServerDefinition, '/srv'), {
    code: 'config-invalid',
    message: [
      'plugin is unknown; did you mean plugins?',
      'listeners[0].port must be integer, got string',
      'plugins[0].config.zones must be array, got string',
      'plugins[1] must be a plugin made with definePlugin; it is string',
      'plugins[2] must be a plugin made with definePlugin; it is the function without a name, which definePlugin did not make',
    ].join('\n'),
  });
});

test('keys called like members of every object are data', async (context) => {
  const { write } = workshop(context);
  const file = write(
    'posthouse.yaml',
    'hostname: a.example\nlisteners: [{ name: mx, port: 0 }]\n__proto__: { a: 1 }\nconstructor: 1\n',
  );
  await assert.rejects(loadConfiguration(file), /__proto__ is unknown[\s\S]*constructor is unknown/);
});

test('a package with a door for import only is found', async (context) => {
  const { write } = workshop(context);
  write(
    'node_modules/posthouse-plugin-x/package.json',
    '{ "type": "module", "exports": { ".": { "import": "./x.js" } } }',
  );
  write('node_modules/posthouse-plugin-x/x.js', pluginModule('check-x'));
  const file = write(
    'posthouse.yaml',
    'hostname: a.example\nlisteners: [{ name: mx, port: 0 }]\nplugins: [{ use: posthouse-plugin-x }]\n',
  );
  const { plugins } = await loadConfiguration(file);
  assert.equal(plugins[0]?.name, 'check-x');
});

test('the control socket can be told of a file that is wrong otherwise', (context) => {
  const { folder, write } = workshop(context);
  assert.equal(
    controlSocketOf(write('a.yaml', `nonsense: "\${env:NONE}"\n`), {}),
    join(folder, 'var/control.sock'),
  );
  assert.equal(
    controlSocketOf(write('b.yaml', 'control: { socket: run/c.sock }\n'), {}),
    join(folder, 'run/c.sock'),
  );
  assert.equal(controlSocketOf(write('c.yaml', 'control: false\n'), {}), undefined);
});
