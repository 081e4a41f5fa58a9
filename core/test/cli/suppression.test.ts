import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { inProcess } from './posthouse.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthouse-suppression-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'list');
// The server makes the file, and the command fills it.
new DatabaseSync(path).close();

const does = async (...given: readonly string[]): Promise<readonly [number | null, string]> => {
  const { code, out, said } = await inProcess(['suppression', ...given, '--file', path]);
  return [code, out + said];
};

test('addresses are added, listed, explained and taken off', async () => {
  assert.deepEqual(await does('list'), [0, 'Nobody is on the list.\n']);
  assert.deepEqual(await does('add', 'Ann@b.example', 'asked', 'to'), [
    0,
    'ann@b.example gets no more mail\n',
  ]);
  assert.match(
    (await does('add', '@c.example', '--for', '30d'))[1],
    /^@c\.example gets no more mail until \d{4}-/,
  );
  const [, table] = await does('list');
  assert.match(
    table,
    /^ADDRESS +SINCE +UNTIL +BY +WHY\n@c\.example +[-0-9 ]+ operator +no reason given\nann@b\.example +[-0-9]+ +never +operator +asked to\n$/,
  );
  assert.match((await does('list', '--limit', '1'))[1], /There may be more: --after @c\.example/);
  assert.match((await does('list', '--json'))[1], /^\[\n {2}\{\n {4}"address": "@c\.example"/);
  assert.match(
    (await does('explain', 'bob@c.example'))[1],
    /^bob@c\.example is on the list by @c\.example since [-0-9]+, until [-0-9]+, put there by operator: no reason given\.\nposthouse suppression remove @c\.example takes it off\.\n$/,
  );
  assert.deepEqual(await does('explain', 'bob@b.example'), [0, 'bob@b.example is not on the list.\n']);
  assert.deepEqual(await does('remove', 'ann@b.example'), [
    0,
    'ann@b.example is off the list, and its failures are forgotten\n',
  ]);
  assert.deepEqual(await does('remove', 'ann@b.example'), [1, 'ann@b.example is not on the list\n']);
});

test('what is wrong is told', async () => {
  for (const [given, code, words] of [
    [[], 2, /say what to do, one of list, add, remove, explain/],
    [['remov'], 2, /did you mean remove/i],
    [['add'], 2, /suppression add takes an address/],
    [['list', 'ann@b.example'], 2, /suppression list takes no address/],
    [['remove', 'a@b.example', 'c@b.example'], 2, /one address at a time/],
    [['list', '--limit', '0'], 2, /--limit must be a number from 1 on/],
    [['add', 'a@b.example', '--for', 'long'], 2, /--for must be a duration/],
    [['explain', 'nonsense'], 1, /"nonsense" is neither an address nor @domain/],
  ] as const) {
    const [exit, said] = await does(...given);
    assert.equal(exit, code, given.join(' '));
    assert.match(said, words);
  }
});

test('the list is that of the configuration where none is named', async () => {
  const config = join(folder, 'posthouse.yaml');
  const listeners = 'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 0 }\nplugins:\n';
  writeFileSync(
    config,
    `${listeners}  - { use: "@posthouse/check-suppression", config: { path: ./list } }\n`,
  );
  const { code, out } = await inProcess(['suppression', 'list', '-c', config]);
  assert.equal(code, 0);
  assert.match(out, /@c\.example/);
  writeFileSync(config, `${listeners}  []\n`);
  const without = await inProcess(['suppression', 'list', '-c', config]);
  assert.equal(without.code, 2);
  assert.match(without.said, /uses no check-suppression; name the list with --file/);
});
