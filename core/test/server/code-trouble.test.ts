import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { moduleTrouble } from '../../src/server/configuration/module-trouble.ts';
import { pluginModule, workshop } from './configuration/workshop.ts';

const FAULTY = [
  ['an unfinished line', 'ts', 'export default {\n  a: 1,\n  b: ];\n', /^FILE:3:6 Expression expected$/],
  ['the same in JavaScript', 'mjs', 'export default {\n  b: ];\n', /^FILE:2:6 Unexpected token '\]'$/],
  ['syntax that Node cannot strip', 'ts', '\nenum A { B }\n', /^FILE:2:1 TypeScript enum is not supported/],
  [
    'a name that is not exported',
    'mjs',
    "import { nope } from './sibling.mjs';\nnope;\n",
    /^FILE:1:10 The requested module '.*nope'$/,
  ],
  [
    'a slip while it is loaded',
    'mjs',
    'const x = undefined;\nx.y();\n',
    /^FILE:2:3 TypeError: Cannot read properties/,
  ],
  [
    'a file that is not there',
    'mjs',
    "import './nothing.mjs';\n",
    /^Cannot find module .*nothing\.mjs' imported from FILE$/,
  ],
  [
    'words of its own',
    'mjs',
    "throw new Error('there is no moon tonight\\nand no second line');\n",
    /^there is no moon tonight$/,
  ],
  ['what is no error', 'mjs', "throw 'a word';\n", /^a word$/],
] as const;

for (const [what, kind, source, expected] of FAULTY) {
  test(`code with ${what} is told with its place`, async (context) => {
    const { write } = workshop(context);
    write('sibling.mjs', pluginModule('x'));
    const file = write(`faulty.${kind}`, source);
    let told = '';
    try {
      await import(`${pathToFileURL(file).href}?saved=1`);
    } catch (error) {
      told = await moduleTrouble(error, file);
    }
    assert.match(told.replaceAll(file, 'FILE'), expected);
    assert.doesNotMatch(told, /\n/);
  });
}
