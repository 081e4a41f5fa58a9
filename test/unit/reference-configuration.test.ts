// The reference configuration has every check, in force, observing or commented; and what is commented works as it stands.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const reference = readFileSync(join(ROOT, 'examples/reference-mta/posthouse.yaml'), 'utf8');

/** With the plugins that stand in comments. */
const whole = reference.replace(/^ {2}# (- use: .*)$/gm, '  $1').replace(/^ {2}# {3}(\w+: .*)$/gm, '    $1');

test('every check is there', () => {
  const checks = readdirSync(join(ROOT, 'plugins')).filter((name) => name.startsWith('check-'));
  for (const name of [...checks, 'counter-redis', 'sign-arc', 'report-dmarc', 'report-tls'])
    assert.match(whole, new RegExp(`^  - use: ['"]@posthouse/${name}['"]$`, 'm'), name);
});

test('what needs a comment taken away needs no more than that', (t) => {
  // Inside the repository, from where the plugins can be seen.
  const folder = mkdtempSync(join(ROOT, 'test/dist/reference-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'posthouse.yaml'), whole);
  const command = [join(ROOT, 'core/bin/posthouse.js'), 'check', '--config', join(folder, 'posthouse.yaml')];
  const said = execFileSync(process.execPath, command, { encoding: 'utf8' });
  const plugins = whole.match(/^ {2}- use: /gm)?.length ?? 0;
  assert.match(said, new RegExp(`is good: 3 listeners, ${plugins} plugins`));
});
