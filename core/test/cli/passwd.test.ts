import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { askSecret } from '../../src/cli/secret-prompt.ts';
import { inProcess } from './posthouse.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthouse-passwd-'));
after(() => rmSync(folder, { recursive: true }));
const users = join(folder, 'users');
const saying = (password: string) => ({ askSecret: () => Promise.resolve(password) });

test('posthouse passwd adds, changes, tries and removes a user, and its exit code says how it went', async () => {
  const file = ['--file', users];
  const does = async (given: readonly string[], password = ''): Promise<readonly [number | null, string]> => {
    const { code, said } = await inProcess(['passwd', ...file, ...given], saying(password));
    return [code, said];
  };
  assert.deepEqual(await does(['ann'], 'one'), [0, `ann is added in ${users}\n`]);
  assert.deepEqual(await does(['ann', '--scheme', 'scram-sha-256'], 'two'), [
    0,
    `ann is changed in ${users}\n`,
  ]);
  assert.match(readFileSync(users, 'utf8'), /^ann:\{SCRAM-SHA-256\}/);
  assert.deepEqual(await does(['ann', '--verify'], 'two'), [0, 'the password is right\n']);
  assert.deepEqual(await does(['ann', '--verify'], 'one'), [1, 'the password is wrong\n']);
  assert.deepEqual(await does(['bob', '--verify'], 'one'), [1, 'there is no bob\n']);
  assert.deepEqual(await does(['ann', '--scheme', 'md5'], 'x'), [
    1,
    'passwords can be stored as scrypt or scram-sha-256, not md5\n',
  ]);
  assert.deepEqual(await does(['ann', '--delete']), [0, `ann is removed from ${users}\n`]);
  assert.deepEqual(await does(['ann', '--delete']), [1, `there is no ann in ${users}\n`]);
});

test('the file is that of the configuration where none is named', async () => {
  const config = join(folder, 'posthouse.yaml');
  const listeners = 'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 0 }\nplugins:\n';
  writeFileSync(config, `${listeners}  - { use: "@posthouse/auth-file", config: { path: ./people } }\n`);
  const { code, said } = await inProcess(['passwd', '-c', config, 'ann'], saying('pencil'));
  assert.deepEqual([code, said], [0, `ann is added in ${join(folder, 'people')}\n`]);
  writeFileSync(config, `${listeners}  []\n`);
  const without = await inProcess(['passwd', '-c', config, 'ann'], saying('pencil'));
  assert.equal(without.code, 2);
  assert.match(without.said, /uses no auth-file; name the file with --file/);
});

test('a wrong command line is told', async () => {
  for (const given of [[], ['ann', 'bob'], ['ann', '--delete', '--verify']]) {
    assert.equal((await inProcess(['passwd', '--file', users, ...given], saying('x'))).code, 2);
  }
});

/** A stream that says it is a terminal, or not. */
function input(isTTY: boolean): PassThrough & NodeJS.ReadStream {
  return Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} }) as never;
}
const output = (): PassThrough & NodeJS.WriteStream => new PassThrough() as never;

test('without a terminal the secret is the first line of standard input', async () => {
  for (const [given, secret] of [
    ['pencil\nmore\n', 'pencil'],
    ['pencil\r\n', 'pencil'],
    ['pen cil', 'pen cil'],
    ['', ''],
  ] as const) {
    const from = input(false);
    from.end(given);
    assert.equal(await askSecret(from, output(), 'Password: ', 'Again: '), secret);
  }
  const long = input(false);
  long.end('x'.repeat(5000));
  await assert.rejects(askSecret(long, output(), 'Password: '), /at most 4096/);
});

test('in a terminal it is asked for twice and never shown', async () => {
  const from = input(true);
  const to = output();
  let shown = '';
  to.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (shown.endsWith('Password: ')) from.write('penx\u007fcil\r');
    if (shown.endsWith('Again: ')) from.write('pencil\n');
  });
  assert.equal(await askSecret(from, to, 'Password: ', 'Again: '), 'pencil');
  assert.equal(shown, 'Password: \nAgain: \n');
});

test('two different secrets and an interruption are told', async () => {
  const from = input(true);
  const to = output();
  to.on('data', (chunk: Buffer) => {
    if (chunk.toString() === 'A: ') from.write('one\n');
    if (chunk.toString() === 'B: ') from.write('two\n');
    if (chunk.toString() === 'C: ') from.write('on\u0003');
  });
  await assert.rejects(askSecret(from, to, 'A: ', 'B: '), /differ/);
  await assert.rejects(askSecret(from, to, 'C: '), /interrupted/);
});
