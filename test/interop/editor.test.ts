// A configuration in an editor: what the language server for YAML makes of the schema that posthouse schema writes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { LanguageServer } from '../support/language-server.ts';
import { ROOT, TemporaryFolder } from '../support/server-process.ts';

const SCRIPT = `${ROOT}node_modules/yaml-language-server/bin/yaml-language-server`;
const HEAD = `# yaml-language-server: $schema=./posthouse.schema.json
hostname: mx.example.org
listeners:
  - { name: mx, host: 127.0.0.1, port: 25 }
plugins:
  - use: "@posthouse/check-greylist"
    config:
`;

const folder = new TemporaryFolder('editor');
let server: LanguageServer;

before(async () => {
  writeFileSync(folder.join('posthouse.yaml'), `${HEAD}      delay: 5m\n`);
  const command = [
    `${ROOT}core/dist/src/cli/main.js`,
    'schema',
    '--out',
    folder.join('posthouse.schema.json'),
  ];
  execFileSync(process.execPath, command, { cwd: folder.path, stdio: 'ignore' });
  server = await LanguageServer.start(SCRIPT, pathToFileURL(folder.path).href);
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  folder.remove();
});

/** A document that ends where somebody is typing. */
async function typing(name: string, text: string) {
  const uri = pathToFileURL(folder.join(name)).href;
  const diagnostics = await server.open(uri, text);
  const lines = text.split('\n');
  const line = lines.length - 1;
  const at = { textDocument: { uri }, position: { line, character: lines[line]?.length ?? 0 } };
  return { uri, diagnostics, at };
}

async function completions(
  name: string,
  text: string,
): Promise<readonly { label: string; documentation: string }[]> {
  const { at } = await typing(name, text);
  const { items } = (await server.request('textDocument/completion', at)) as {
    items: readonly { label: string; documentation?: unknown }[];
  };
  return items.map(({ label, documentation }) => ({
    label,
    documentation: JSON.stringify(documentation ?? ''),
  }));
}

test('a good configuration has nothing underlined', async () => {
  const { diagnostics } = await typing('good.yaml', `${HEAD}      delay: 5m\n`);
  assert.deepEqual(diagnostics, []);
});

test('completion offers the keys of the core, of a plugin entry and of that plugin’s configuration', async () => {
  const [modeline] = HEAD.split('\n');
  const top = await completions('top.yaml', `${modeline}\nhostname: mx.example.org\n`);
  const labels = top.map(({ label }) => label);
  for (const key of ['listeners', 'plugins', 'limits', 'delivery'])
    assert.ok(labels.includes(key), `${key}: ${labels}`);

  const inside = await completions('inside.yaml', `${HEAD}      `);
  const delay = inside.find(({ label }) => label === 'delay');
  assert.match(delay?.documentation ?? 'it is not offered', /How long a new client has to wait\./);
  assert.ok(
    !inside.some(({ label }) => label === 'zones'),
    'zones is a key of check-dnsbl, not of check-greylist',
  );
});

test('completion after use: offers the plugins that are installed', async () => {
  const start = HEAD.slice(0, HEAD.indexOf('"@posthouse'));
  const labels = (await completions('use.yaml', start)).map(({ label }) => label.replaceAll('"', ''));
  for (const name of ['check-greylist', 'store-sqlite', 'deliver-smtp'])
    assert.ok(labels.includes(`@posthouse/${name}`), labels.join());
});

test('hover over an option says what it means', async () => {
  const text = `${HEAD}      delay: 5m\n`;
  const { at } = await typing('hover.yaml', text);
  const over = async (word: string) => {
    const line = text.split('\n').findIndex((each) => each.includes(word));
    const character = (text.split('\n')[line] ?? '').indexOf(word) + 1;
    return JSON.stringify(
      await server.request('textDocument/hover', { ...at, position: { line, character } }),
    );
  };
  assert.match(await over('delay'), /How long a new client has to wait\./);
  assert.match(await over('hostname'), /The name of this server in the banner/);
});

test('a misspelt key is underlined where it stands', async () => {
  const { diagnostics } = await typing('misspelt.yaml', `${HEAD}      dealy: 5m\n`);
  assert.deepEqual(
    diagnostics.map(({ message, range }) => [message, range.start]),
    [['Property dealy is not allowed.', { line: 7, character: 6 }]],
  );
});
