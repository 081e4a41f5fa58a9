// Every mistake in a file, at its line and column, in words that tell what to do.

import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigurationError, loadConfiguration } from '../../../src/server/configuration/index.ts';
import { pluginModule, workshop } from './workshop.ts';

const GOOD = 'hostname: mx.example.org\nlisteners:\n  - { name: mx, host: 127.0.0.1, port: 25 }\n';

const ZONES = {
  type: 'object',
  required: ['zones', 'timeout'],
  properties: {
    zones: { type: 'array', items: { type: 'string' } },
    timeout: { type: ['number', 'string'], posthouse: 'duration', default: '5s' },
    password: { type: 'string', minLength: 8 },
    retries: { type: 'integer', minimum: 1 },
    answer: {
      anyOf: [
        {
          type: 'object',
          required: ['kind', 'code'],
          properties: { kind: { const: 'reject' }, code: { type: 'integer' } },
        },
        {
          type: 'object',
          required: ['kind', 'text'],
          properties: { kind: { const: 'defer' }, text: { type: 'string' } },
        },
        { const: false },
      ],
    },
    modes: { anyOf: [{ const: 'strict' }, { const: 'lenient' }] },
    nested: { type: 'object', properties: { a: { type: 'string' } } },
    routes: { type: 'object', patternProperties: { '^.*$': { type: 'string' } } },
  },
};

async function mistakes(
  context: TestContext,
  yaml: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: string; lines: readonly string[] }> {
  const { folder, write } = workshop(context);
  write('check-zones.mjs', pluginModule('check-zones', ZONES));
  write('accept-all.mjs', pluginModule('accept-all'));
  write('nothing.mjs', 'export const plugin = 1;\n');
  write('number.mjs', 'export default 7;\n');
  write('broken.mjs', 'throw new Error("no luck");\n');
  write('faulty.mjs', pluginModule('faulty', { type: 'object', properties: { a: { type: 'strong' } } }));
  write(
    'node_modules/@posthouse/check-moonphase/package.json',
    '{ "keywords": ["posthouse-plugin"], "exports": "./x.js" }',
  );
  const file = write('posthouse.yaml', yaml);
  try {
    await loadConfiguration(file, environment);
    return { code: 'none', lines: [] };
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    const lines = error.message.replaceAll(file, basename(file)).replaceAll(folder, '/etc').split('\n');
    return { code: error.code, lines: lines.map((line) => line.replace(/ or from [^;]+/, ' or from …')) };
  }
}

interface Case {
  readonly what: string;
  readonly yaml: string;
  readonly lines: readonly string[];
  readonly code?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  {
    what: 'an unknown key is answered with the one that was meant',
    yaml: `${GOOD}limts: {}\n`,
    lines: ['posthouse.yaml:4:1 limts is unknown; did you mean limits?'],
  },
  {
    what: 'an unknown key is answered with the known ones where they are few',
    yaml: `${GOOD}log: { colour: red }\n`,
    lines: ['posthouse.yaml:4:8 log.colour is unknown; known are level'],
  },
  {
    what: 'AUTH without TLS, and mechanisms without AUTH',
    yaml: 'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 25, authMechanisms: [PLAIN] }\n  - { name: submission, port: 587, auth: required }\n',
    lines: [
      'posthouse.yaml:3:43 listeners[0].authMechanisms has no meaning without auth: offered or auth: required',
      'posthouse.yaml:4:42 listeners[1].auth is required, but the listener has no TLS, and without it no client may authenticate; give it TLS, or say authWithoutTls: true',
    ],
  },
  {
    what: 'LMTP on the port of SMTP (RFC 2033 §5), and words of a listener',
    yaml: 'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 25, protocol: lmtp }\n  - { name: local, port: 24, protocol: lmpt, vrfy: on }\n',
    lines: [
      'posthouse.yaml:3:23 listeners[0].port must not be 25 with protocol: lmtp (RFC 2033 §5); choose another one, such as 24',
      'posthouse.yaml:4:40 listeners[1].protocol must be one of smtp, lmtp, got "lmpt"; did you mean lmtp?',
      'posthouse.yaml:4:52 listeners[1].vrfy must be one of cannot-verify, off, got "on"',
    ],
  },
  {
    what: 'limits of destinations that are none, and rows that nothing reaches',
    yaml: `${GOOD}delivery:\n  destinations:\n    - { match: ['*'], rate: 5 per second }\n    - { match: [a.example], conections: 2 }\n    - { rate: 1/s }\n`,
    lines: [
      'posthouse.yaml:6:29 delivery.destinations[0].rate must be a rate such as 20/s, 600/m, 1000/h or 5000/d (a bare number is times in a second), got "5 per second"',
      'posthouse.yaml:7:7 delivery.destinations[1] is never used: row 1 fits every destination, and the first that fits counts',
      'posthouse.yaml:7:29 delivery.destinations[1].conections is unknown; did you mean connections?',
      'posthouse.yaml:8:7 delivery.destinations[2] must have match or mx',
    ],
  },
  {
    what: 'what is missing stands where it should be',
    yaml: 'listeners:\n  - name: mx\n',
    lines: ['posthouse.yaml:1:1 hostname is missing', 'posthouse.yaml:2:5 listeners[0].port is missing'],
  },
  {
    what: 'mail that is held for users, where there are none',
    yaml: 'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 25, futureRelease: 30d }\n',
    lines: [
      'posthouse.yaml:3:42 listeners[0].futureRelease has no meaning without auth: offered or auth: required',
    ],
  },
  {
    what: 'an empty file has nothing',
    yaml: '',
    lines: ['posthouse.yaml must be object, got nothing'],
  },
  {
    what: 'types, ranges and words of the server',
    yaml: 'hostname: 7\nlisteners:\n  - { name: MX, port: 70000, tls: implict }\nlimits: { recipients: 5, connections: many }\n',
    lines: [
      'posthouse.yaml:1:11 hostname must be string, got number',
      'posthouse.yaml:3:13 listeners[0].name must match ^[a-z][a-z0-9-]*$, got "MX"',
      'posthouse.yaml:3:23 listeners[0].port must be 65535 or less, got 70000',
      'posthouse.yaml:3:35 listeners[0].tls must be one of none, starttls, implicit, got "implict"; did you mean implicit?',
      'posthouse.yaml:4:23 limits.recipients must be 100 or more, got 5',
      'posthouse.yaml:4:39 limits.connections must be integer, got string',
    ],
  },
  {
    what: 'templates of notices',
    yaml: `${GOOD}delivery:\n  notices:\n    failed: Sorry\n    folder: ./missing\n`,
    lines: [
      'posthouse.yaml:6:13 delivery.notices.failed must begin with a line `Subject: …`',
      "posthouse.yaml:7:13 delivery.notices.folder cannot be read: ENOENT: no such file or directory, scandir '/etc/missing'",
    ],
  },
  {
    what: 'durations and sizes',
    yaml: `${GOOD}limits: { messageSize: 50 MB }\ndelivery: { retryAfter: [1m, soon] }\n`,
    lines: [
      'posthouse.yaml:4:24 limits.messageSize must be a size such as 64 KiB, 50 MiB or 1 GiB (a bare number is octets), got "50 MB"',
      'posthouse.yaml:5:30 delivery.retryAfter[1] must be a duration such as 500ms, 30s, 5m, 2h or 5d (a bare number is milliseconds), got "soon"',
    ],
  },
  {
    what: 'hosts, names and addresses that no schema can judge',
    yaml: [
      'hostname: 192.0.2.1',
      'listeners:',
      '  - { name: mx, host: 127.0.0.300, port: 25 }',
      '  - { name: mx, host: "::1", port: 26 }',
      '  - { name: out, host: "::1", port: 26, tls: implicit }',
      'dns: { servers: ["127.0.0.1:5353", "[::1]:53", "ns.example"] }',
      '',
    ].join('\n'),
    lines: [
      'posthouse.yaml:1:11 hostname must be a domain name, got "192.0.2.1"',
      'posthouse.yaml:3:23 listeners[0].host must be an IP address or a host name, got "127.0.0.300"',
      'posthouse.yaml:4:13 listeners[1].name is taken: another listener is called mx',
      'posthouse.yaml:5:37 listeners[2].port is taken: listener mx has ::1:26',
      'posthouse.yaml:6:48 dns.servers[2] must be an IP address, with :port if need be, got "ns.example"',
    ],
  },
  {
    what: 'a certificate that is not there',
    yaml: `${GOOD}tls: { cert: ./cert.pem, key: ./key.pem }\n`,
    lines: [
      "posthouse.yaml:4:14 tls.cert cannot be read: ENOENT: no such file or directory, open '/etc/cert.pem'",
      "posthouse.yaml:4:31 tls.key cannot be read: ENOENT: no such file or directory, open '/etc/key.pem'",
    ],
  },
  {
    what: 'TLS that cannot be had',
    yaml: [
      'hostname: mx.example.org',
      'listeners:',
      '  - { name: mx, port: 25, tlsRequired: true }',
      '  - { name: in, port: 26, clientCertificates: request }',
      '  - { name: tls, port: 27, tls: implicit, clientCertificates: require }',
      '  - { name: ca, port: 28, tls: starttls, clientCertificates: request, clientCa: ./ca.pem }',
      'tls: { ciphers: NONSENSE, certificates: [{ cert: ./cert.pem, key: ./key.pem }], minVersion: TLSv1.1 }',
      '',
    ].join('\n'),
    lines: [
      'posthouse.yaml:5:63 listeners[2].clientCertificates needs to know who vouches for clients; add clientCa: …',
      "posthouse.yaml:6:81 listeners[3].clientCa cannot be used: ENOENT: no such file or directory, open '/etc/ca.pem'",
      'posthouse.yaml:7:17 tls.ciphers cannot be used: error:0A0000B9:SSL routines::no cipher match',
      "posthouse.yaml:7:50 tls.certificates[0].cert cannot be read: ENOENT: no such file or directory, open '/etc/cert.pem'",
      "posthouse.yaml:7:67 tls.certificates[0].key cannot be read: ENOENT: no such file or directory, open '/etc/key.pem'",
      'posthouse.yaml:7:93 tls.minVersion must be one of TLSv1.2, TLSv1.3, got "TLSv1.1"; did you mean TLSv1.2?',
    ],
  },
  {
    what: 'TLS that is asked of a listener without it',
    yaml: [
      'hostname: mx.example.org',
      'listeners:',
      '  - { name: mx, port: 25, tlsRequired: true }',
      '  - { name: in, port: 26, tls: none, clientCertificates: request }',
      '',
    ].join('\n'),
    lines: [
      'posthouse.yaml:3:40 listeners[0].tlsRequired cannot be had: the listener has no TLS',
      'posthouse.yaml:4:58 listeners[1].clientCertificates cannot be had: the listener has no TLS',
    ],
  },
  {
    what: 'half a certificate',
    yaml: `${GOOD}tls: { cert: ./cert.pem }\n`,
    lines: ['posthouse.yaml:4:6 tls has a certificate without its key; add key: …'],
  },
  {
    what: 'the control socket is a place or off',
    yaml: `${GOOD}control: true\n`,
    lines: ['posthouse.yaml:4:10 control must be object or false, got true'],
  },
  {
    what: "a plugin's configuration, in the words of the design",
    yaml: `${GOOD}plugins:\n  - use: ./accept-all.mjs\n  - use: ./check-zones.mjs\n    config:\n      zones: zen.example\n      timout: 3s\n`,
    lines: [
      'posthouse.yaml:8:14 plugins[1].config.zones must be array, got string',
      'posthouse.yaml:9:7 plugins[1].config.timout is unknown; did you mean timeout?',
    ],
  },
  {
    what: 'a configuration that is left out lacks what it needs',
    yaml: `${GOOD}plugins:\n  - use: ./check-zones.mjs\n`,
    lines: ['posthouse.yaml:5:5 plugins[0].config.zones is missing'],
  },
  {
    what: 'keys are closed in nested objects, and of a plugin without a schema',
    yaml: `${GOOD}plugins:\n  - use: ./accept-all.mjs\n    config: { a: 1 }\n  - use: ./check-zones.mjs\n    config: { zones: [], nested: { b: 1 } }\n`,
    lines: [
      'posthouse.yaml:6:15 plugins[0].config.a is unknown; nothing may stand here',
      'posthouse.yaml:8:36 plugins[1].config.nested.b is unknown; known are a',
    ],
  },
  {
    what: 'unions are explained by the form that was meant',
    yaml: `${GOOD}plugins:\n${['{ kind: reject, code: x }', '{ kind: defr, text: x }', '{ text: x }', 'true']
      .map(
        (answer, index) =>
          `  - { use: ./check-zones.mjs, name: z${index}, config: { zones: [], answer: ${answer} } }\n`,
      )
      .join('')}  - { use: ./check-zones.mjs, config: { zones: [], modes: strickt } }\n`,
    lines: [
      'posthouse.yaml:5:92 plugins[0].config.answer.code must be integer, got string',
      'posthouse.yaml:6:78 plugins[1].config.answer.kind must be one of reject, defer, got "defr"; did you mean defer?',
      'posthouse.yaml:7:70 plugins[2].config.answer.kind is missing',
      'posthouse.yaml:8:70 plugins[3].config.answer must be object or false, got true',
      'posthouse.yaml:9:59 plugins[4].config.modes must be one of strict, lenient, got "strickt"; did you mean strict?',
    ],
  },
  {
    what: 'keys that are no words are quoted in the path, and odd characters written out',
    yaml: `${GOOD}plugins:\n  - use: ./check-zones.mjs\n    config: { zones: [], routes: { example.org: 1, "a\\e[0m": 2 } }\n`,
    lines: [
      'posthouse.yaml:6:49 plugins[0].config.routes["example.org"] must be string, got number',
      'posthouse.yaml:6:62 plugins[0].config.routes["a\\u001b[0m"] must be string, got number',
    ],
  },
  {
    what: 'plugin entries: words, listeners and names',
    yaml: `${GOOD}plugins:\n  - { use: ./accept-all.mjs, mode: observ, on: [mz] }\n  - use: ./accept-all.mjs\n  - ./accept-all.mjs\n`,
    lines: [
      'posthouse.yaml:5:36 plugins[0].mode must be one of enforce, observe, off, got "observ"; did you mean observe?',
      'posthouse.yaml:5:49 plugins[0].on[0] names no listener: "mz"; did you mean mx?',
      'posthouse.yaml:6:5 plugins[1] is called accept-all, as plugins[0] is; give one of them another name: …',
      'posthouse.yaml:7:5 plugins[2] must be object, got string',
    ],
  },
  {
    what: 'two entries of one name have a code of their own',
    yaml: `${GOOD}plugins:\n  - use: ./accept-all.mjs\n  - { use: ./check-zones.mjs, name: accept-all, config: { zones: [] } }\n`,
    code: 'plugin-doubled',
    lines: [
      'posthouse.yaml:6:37 plugins[1].name is called accept-all, as plugins[0] is; give one of them another name: …',
    ],
  },
  {
    what: 'plugins that cannot be found or loaded',
    yaml: `${GOOD}plugins:\n  - use: "@posthouse/check-moonphase"\n  - use: "@posthouse/check-moonphas"\n  - use: posthouse-plugin-nowhere-at-all\n  - use: ./check-zone.mjs\n  - use: ./broken.mjs\n`,
    code: 'plugin-not-found',
    lines: [
      'posthouse.yaml:5:10 plugins[0].use "@posthouse/check-moonphase" is installed, but the file that its package.json exports is not there; has it been built?',
      'posthouse.yaml:6:10 plugins[1].use "@posthouse/check-moonphas" was not found in the node_modules seen from /etc or from …; did you mean @posthouse/check-moonphase, which is installed?',
      'posthouse.yaml:7:10 plugins[2].use "posthouse-plugin-nowhere-at-all" was not found in the node_modules seen from /etc or from …; npm install it',
      'posthouse.yaml:8:10 plugins[3].use "./check-zone.mjs" was not found: there is no file /etc/check-zone.mjs; did you mean ./check-zones.mjs?',
      'posthouse.yaml:9:10 plugins[4].use "./broken.mjs" cannot be loaded: no luck',
    ],
  },
  {
    what: 'modules that are no plugins',
    yaml: `${GOOD}plugins:\n  - use: ./nothing.mjs\n  - use: ./number.mjs\n`,
    code: 'plugin-invalid',
    lines: [
      'posthouse.yaml:5:10 plugins[0].use "./nothing.mjs" must have a plugin, made with definePlugin, as its default export; it exports only plugin',
      'posthouse.yaml:6:10 plugins[1].use "./number.mjs" must have a plugin, made with definePlugin, as its default export; it is number',
    ],
  },
  {
    what: 'a plugin whose schema is none is blamed itself',
    yaml: `${GOOD}plugins:\n  - use: ./faulty.mjs\n    config: {}\n`,
    code: 'plugin-invalid',
    lines: [
      'posthouse.yaml:6:13 plugins[0].config cannot be checked: the schema of faulty is faulty: schema is invalid: data/properties/a/type must be equal to one of the allowed values, data/properties/a/type must be array, data/properties/a/type must match a schema in anyOf',
    ],
  },
  {
    what: 'secrets without a value are told once, not again as wrong values',
    yaml: `${GOOD}deadlines: { command: "\${env:WAIT}" }\ntls: { cert: "\${file:none.txt}", key: "\${env:EMPTY}" }\n`,
    code: 'secret-missing',
    environment: { EMPTY: '' },
    lines: [
      'posthouse.yaml:4:23 deadlines.command needs the environment variable WAIT, which is not set',
      'posthouse.yaml:5:14 tls.cert needs the file /etc/none.txt, which cannot be read: ENOENT',
      'posthouse.yaml:5:39 tls.key needs the environment variable EMPTY, which is empty',
    ],
  },
  {
    what: 'a reference that is not understood is no text',
    yaml: `${GOOD}plugins:\n  - use: ./check-zones.mjs\n    config: { zones: ["\${ENV:X}"] }\n`,
    lines: [
      `posthouse.yaml:6:23 plugins[0].config.zones[0] has \${ENV:X}, which is neither \${env:NAME} nor \${file:path}; write $\${ where \${ itself is meant`,
    ],
  },
  {
    what: 'the value of a secret is never told',
    yaml: `${GOOD}plugins:\n  - use: ./check-zones.mjs\n    config: { zones: [], password: "\${env:PASSWORD}" }\n`,
    environment: { PASSWORD: 'hunter2' },
    lines: ['posthouse.yaml:6:36 plugins[0].config.password must have 8 characters or more'],
  },
  {
    what: 'broken YAML, and a key twice',
    yaml: 'hostname: a\nhostname: b\nlisteners: [\n',
    code: 'config-unreadable',
    lines: [
      'posthouse.yaml:2:1 Map keys must be unique',
      'posthouse.yaml:4:1 Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
  {
    what: 'an alias to itself',
    yaml: `${GOOD}plugins: &all\n  - *all\n`,
    lines: ['posthouse.yaml:5:5 plugins[0] is an alias to something that it is part of'],
    code: 'config-unreadable',
  },
];

for (const { what, yaml, lines, code = 'config-invalid', environment } of cases) {
  test(`mistakes: ${what}`, async (context) => {
    assert.deepEqual(await mistakes(context, yaml, environment), { code, lines });
  });
}

test('a file that is not there is named', async () => {
  await assert.rejects(loadConfiguration('/nowhere/posthouse.yaml'), {
    code: 'config-unreadable',
    message: '/nowhere/posthouse.yaml does not exist',
  });
});

test('a few lines that stand for billions of values are refused', async (context) => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `l${level}: &l${level} [${`*l${level - 1}, `.repeat(level === 0 ? 0 : 9)}x]`,
  );
  const { code, lines } = await mistakes(context, `${levels.join('\n')}\n`);
  assert.deepEqual(
    { code, lines },
    { code: 'config-unreadable', lines: ['posthouse.yaml stands for more than 200000 values'] },
  );
});
