import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { Type } from 'typebox';
import { Duration, FilePath } from '../../../src/contract/index.ts';
import { configurationSchema, configurationTable } from '../../../src/server/configuration/index.ts';

const zones = Type.Object({
  zones: Type.Array(Type.String(), { description: 'DNS zones.' }),
  timeout: Duration({ default: '5s', description: 'A wait.' }),
  path: Type.Optional(FilePath({ description: 'A file, or | none.' })),
  reply: Type.Optional(
    Type.Object(
      { text: Type.String({ default: 'no', description: 'Words.' }) },
      { description: 'What to say.' },
    ),
  ),
});

const schema = configurationSchema([
  { use: '@posthouse/check-zones', description: 'Looks senders up.', config: zones },
  { use: '@posthouse/store-memory', description: 'Forgets.', config: undefined },
]);

test('the composed schema is plain draft-07: an editor takes it without knowing our words', () => {
  assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
  assert.ok(!JSON.stringify(schema).includes('"posthouse":'));
  new Ajv({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true }).compile(schema);
});

const server = { hostname: 'mx.example.org', listeners: [{ name: 'mx', port: 25 }] };
const documents: readonly (readonly [what: string, good: boolean, plugins: readonly unknown[]])[] = [
  ['no plugin', true, []],
  ['a plugin with what it needs', true, [{ use: '@posthouse/check-zones', config: { zones: ['x'] } }]],
  [
    'durations with their unit',
    true,
    [{ use: '@posthouse/check-zones', config: { zones: [], timeout: '2m' } }],
  ],
  ['a plugin of one’s own, with anything', true, [{ use: './mine.ts', config: { whatever: 1 } }]],
  ['a plugin that has nothing to configure', true, [{ use: '@posthouse/store-memory', mode: 'off' }]],
  ['a configuration without what it needs', false, [{ use: '@posthouse/check-zones', config: {} }]],
  ['no configuration where one is needed', false, [{ use: '@posthouse/check-zones' }]],
  ['an unknown key of a plugin', false, [{ use: '@posthouse/check-zones', config: { zones: [], zone: 1 } }]],
  ['a wrong type', false, [{ use: '@posthouse/check-zones', config: { zones: 'x' } }]],
  [
    'something to configure where there is nothing',
    false,
    [{ use: '@posthouse/store-memory', config: { a: 1 } }],
  ],
  ['an unknown mode', false, [{ use: './mine.ts', mode: 'sometimes' }]],
  ['an entry without use', false, [{ config: {} }]],
];

test('the composed schema tells good documents from bad ones', () => {
  const validate = new Ajv({ strict: false }).compile(schema);
  for (const [what, good, plugins] of documents) assert.equal(validate({ ...server, plugins }), good, what);
  assert.equal(validate({ ...server, limits: { connections: 5 }, control: false }), true);
  assert.equal(validate({ ...server, limts: {} }), false);
  assert.equal(validate({ hostname: 'mx.example.org' }), false);
});

test('a table tells every key, nested ones too, with type, default and meaning', () => {
  assert.equal(
    configurationTable(zones),
    [
      '| key          | type            | default  | meaning             |',
      '| ------------ | --------------- | -------- | ------------------- |',
      '| `zones`      | list of strings | required | DNS zones.          |',
      '| `timeout`    | duration        | `5s`     | A wait.             |',
      '| `path`       | path            | –        | A file, or \\| none. |',
      '| `reply`      | object          | –        | What to say.        |',
      '| `reply.text` | string          | `no`     | Words.              |',
    ].join('\n'),
  );
  assert.equal(configurationTable(undefined), 'It has nothing to configure.');
});
