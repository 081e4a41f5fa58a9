import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pluginModule, workshop } from '../server/configuration/workshop.ts';
import { inProcess, posthouse } from './posthouse.ts';

const GOOD = 'hostname: mx.example.org\nlisteners: [{ name: mx, host: 127.0.0.1, port: 0 }]\n';
const STORE = "plugins:\n  - use: '@posthouse/core/store-memory'\n";

test('help tells the commands, and of one command its options', async () => {
  const all = await posthouse(['help']);
  assert.equal(all.code, 0);
  for (const name of ['start', 'check', 'explain', 'schema', 'queue'])
    assert.match(all.out, new RegExp(`^  ${name} `, 'm'));
  const one = await inProcess(['queue', '--help']);
  assert.equal(one.code, 0);
  assert.match(one.out, /--older-than <duration>/);
  assert.equal((await inProcess(['help', 'queue'])).out, one.out);
});

test('a wrong command line is told what was meant, with exit code 2', async () => {
  const lines: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /Usage: posthouse <command>/],
    [['chekc'], /no command chekc; did you mean check\?/],
    [['frobnicate'], /no command frobnicate; see posthouse help/],
    [['check', '--confg', 'x'], /no option --confg; did you mean --config\?/],
    [['check', '--config'], /--config needs a value: file/],
    [['check', '--config', '--listener'], /--config needs a value: file/],
    [['check', 'posthouse.yaml'], /takes options only, and was given posthouse.yaml/],
    [['queue'], /say what to do: list, summary, show, body, hold, release, retry, reroute, bounce, drop/],
    [['queue', 'lst'], /cannot lst; did you mean list\?/],
    [['queue', 'drop'], /takes ids, or filters, or --all for the whole queue/],
    [['queue', 'drop', 'x', '--all'], /takes ids, or filters and --all, not both/],
    [['queue', 'drop', 'x', '--text', 'no'], /--text is for posthouse queue bounce/],
    [['queue', 'hold', 'x', '--to', 'b'], /are for posthouse queue reroute/],
    [['queue', 'reroute', 'x'], /takes --to <next hop>/],
    [['queue', 'reroute', 'x', '--to', 'b', '--anew'], /takes --to <next hop>/],
    [['queue', 'body'], /queue body takes one id/],
    [['queue', 'show'], /takes one id/],
    [['queue', 'list', 'x'], /takes filters, not ids/],
    [['queue', 'suspend'], /takes destinations as posthouse queue summary shows them/],
    [['queue', 'resume', 'a.example', '--state', 'held'], /does not take --state/],
    [['queue', 'summary', 'x'], /takes filters, not ids/],
    [['queue', 'summary', '--limit', '0'], /--limit must be a number from 1 on/],
    [['queue', 'list', '--reason', 'deferd'], /did you mean deferred\?/],
    [['queue', 'list', '--older-than', 'long'], /--older-than must be a duration/],
    [['queue', 'list', '--json=yes'], /--json takes no value/],
  ];
  for (const [given, wanted] of lines) {
    const { code, said, out } = await inProcess(given);
    assert.match(said, wanted, given.join(' '));
    assert.equal(code, 2, given.join(' '));
    assert.equal(out, '');
  }
});

test('a good configuration is counted, with exit code 0', async (context) => {
  const { write } = workshop(context);
  write('check-x.mjs', pluginModule('check-x'));
  const file = write('posthouse.yaml', `${GOOD}${STORE}  - { use: ./check-x.mjs, mode: off }\n`);
  assert.deepEqual(await posthouse(['check', '--config', file]), {
    code: 0,
    out: `${file} is good: 1 listener, 2 plugins, 1 of them off\n`,
    said: '',
  });
});

test('every mistake of a configuration is told, with exit code 1', async (context) => {
  const file = workshop(context).write(
    'posthouse.yaml',
    'hostname: mx.example.org\nlisteners: []\ncolours: 1\n',
  );
  assert.deepEqual(await posthouse(['check', '-c', file]), {
    code: 1,
    out: '',
    said: `${file}:2:12 listeners must have 1 entry or more, got 0\n${file}:3:1 colours is unknown; known are hostname, listeners, tls, limits, deadlines, delivery, authenticationResults, control, workers, log, dns, plugins\n`,
  });
});

test('what only the assembly can see is checked as well: a house without a queue', async (context) => {
  const file = workshop(context).write('posthouse.yaml', GOOD);
  const { code, said } = await inProcess(['check', '-c', file]);
  assert.equal(code, 1);
  assert.match(said, /QueueStore/);
});

test('explain tells the order of asking, who only observes, and which settings are defaults; secrets are not shown', async (context) => {
  const { write } = workshop(context);
  const handler =
    "{ hooks: { 'on-rcpt': () => undefined, 'on-deliver': { claim: () => undefined, deliver: () => undefined } } }";
  write(
    'check-a.mjs',
    pluginModule('check-a', { type: 'object', properties: { key: { type: 'string' } } }, handler),
  );
  write(
    'check-b.mjs',
    pluginModule(
      'check-b',
      undefined,
      "{ hooks: { 'on-rcpt': { order: 'early', handler: () => undefined } } }",
    ),
  );
  const file = write(
    'posthouse.yaml',
    `${GOOD}limits: { recipients: 500 }\ndelivery:\n  destinations:\n    - { match: [a.example, .b.example], connections: 2, rate: 90/m }\n${STORE}  - { use: ./check-a.mjs, mode: observe, config: { key: "\${env:KEY}" } }\n  - { use: ./check-b.mjs }\n`,
  );
  const { code, out } = await inProcess(['explain', '-c', file, '--listener', 'mx'], {
    environment: { KEY: 'hunter2' },
  });
  assert.equal(code, 0);
  assert.match(out, /on-rcpt +1\. check-b +early\n +2\. check-a +observes only\n +otherwise reject 5\.7\.1/);
  assert.match(out, /on-data +otherwise accept/);
  assert.doesNotMatch(out, /^in words$/m);
  assert.match(out, /limits\.recipients +500\n/);
  assert.match(out, /limits\.messageSize +50 MiB +default/);
  assert.match(
    out,
    /delivery\.destinations +\(match a\.example, \.b\.example; connections 2; rate 90\/m\)\n/,
  );
  assert.match(out, /key +"\(secret\)"/);
  assert.doesNotMatch(out, /hunter2/);
  const wrong = await inProcess(['explain', '-c', file, '--listener', 'mz'], {
    environment: { KEY: 'hunter2' },
  });
  assert.deepEqual([wrong.code, wrong.said.split('\n')[0]], [2, 'there is no listener mz; did you mean mx?']);
});

test('hooks prints the order of each listener with mode, time limit and what an error means', async (context) => {
  const { write } = workshop(context);
  const handlers = (order: string) =>
    `{ hooks: { 'on-rcpt': { order: '${order}', handler: () => undefined }, 'on-deliver': { claim: () => undefined, deliver: () => undefined } } }`;
  write('check-a.mjs', pluginModule('check-a', undefined, handlers('late')));
  write('check-b.mjs', pluginModule('check-b', undefined, handlers('early')));
  const file = write(
    'posthouse.yaml',
    `hostname: mx.example.org\nlisteners: [{ name: mx, port: 0 }, { name: inside, port: 0 }]\n${STORE}  - { use: ./check-a.mjs, on: [mx], timeout: 3s, onError: pass }\n  - { use: ./check-b.mjs, mode: observe }\n`,
  );
  const { code, out } = await inProcess(['hooks', '-c', file]);
  assert.equal(code, 0);
  assert.match(out, /^listener mx\n {2}HOOK +PLUGIN +ORDER +MODE +TIME LIMIT +ON ERROR\n/);
  assert.match(
    out,
    /on-rcpt +1\. check-b +early +observe +10s +defer\n +2\. check-a +late +enforce +3s +pass\n +otherwise reject 5\.7\.1\n/,
  );
  assert.match(out, /listener inside\n[\s\S]*on-rcpt +1\. check-b +early +observe +10s +defer\n +otherwise/);
  assert.match(out, /on-deliver +1\. check-a +enforce +30m\n +2\. check-b +observe +30m\n +otherwise defer/);
  const one = await inProcess(['hooks', '-c', file, '--listener', 'inside', '--json']);
  const lines = JSON.parse(one.out) as readonly Record<string, unknown>[];
  assert.deepEqual(
    lines.map(({ listener, hook, plugin }) => [listener, hook, plugin]),
    [
      ['inside', 'on-rcpt', 'check-b'],
      ['*', 'on-deliver', 'check-a'],
      ['*', 'on-deliver', 'check-b'],
    ],
  );
  assert.equal(lines[0]?.timeout, 10_000);
  assert.equal((await inProcess(['hooks', '-c', file, '--listener', 'inside2'])).code, 2);
});

test('schema writes what an editor needs, also for plugins of one’s own and while the file is still wrong', async (context) => {
  const { folder, write } = workshop(context);
  write('check-a.mjs', pluginModule('check-a', { type: 'object', properties: { key: { type: 'string' } } }));
  const file = write('posthouse.yaml', 'hostnam: x\nplugins: [{ use: ./check-a.mjs }]\n');
  const { code } = await inProcess(['schema', '-c', file, '--out', `${folder}/posthouse.schema.json`]);
  assert.equal(code, 0);
  const schema = readFileSync(`${folder}/posthouse.schema.json`, 'utf8');
  assert.match(schema, /"const": "\.\/check-a\.mjs"/);
});

test('an old Node is told what to do, before anything else is loaded', async () => {
  const old = `data:text/javascript,${encodeURIComponent("Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })")}`;
  const { code, said } = await posthouse(['check'], ['--import', old]);
  assert.equal(code, 1);
  assert.match(said, /needs Node\.js 24\.15 or newer, and this is Node\.js 20\.20\.2/);
});

test('explain tells how clients may log in, and for how long their mail may be held', async (context) => {
  const listener =
    '{ name: mx, host: 127.0.0.1, port: 0, auth: offered, authWithoutTls: true, futureRelease: 30d }';
  const users = `  - use: '@posthouse/auth-file'\n    config: { path: ./users }\n`;
  const file = workshop(context).write(
    'posthouse.yaml',
    `hostname: mx.example.org\nlisteners: [${listener}]\n${STORE}${users}`,
  );
  const { out, said } = await inProcess(['explain', '--config', file]);
  assert.match(out, /AUTH offered even without TLS, FUTURERELEASE up to 30d,/, said);
});

test('check and explain tell of TLS without a certificate, and of whom a listener believes', async (context) => {
  const listener =
    '{ name: mx, host: 127.0.0.1, port: 0, tls: starttls, tlsRequired: true, proxy: [192.0.2.1], xclient: [127.0.0.0/8] }';
  const file = workshop(context).write(
    'posthouse.yaml',
    `hostname: mx.example.org\nlisteners: [${listener}]\n${STORE}`,
  );
  const checked = await inProcess(['check', '--config', file]);
  assert.match(checked.out, /No certificate is configured: TLS would use a self-signed one/);
  const { out } = await inProcess(['explain', '--config', file]);
  assert.match(
    out,
    /TLS starttls \(required\), self-signed certificate, PROXY header from 192\.0\.2\.1, XCLIENT from 127\.0\.0\.0\/8/,
  );
});
