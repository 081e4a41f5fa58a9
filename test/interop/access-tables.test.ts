// check-access reads a cidr table as Postfix does: the same addresses, asked of postmap and of the plugin.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import checkAccess from '@posthouse/check-access';
import { mount } from '@posthouse/core/testing';
import { lacks, missingProgram } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';
import { run } from './programs.ts';

const folder = new TemporaryFolder('interop-access');
after(() => folder.remove());
const missing = missingProgram('postconf', '-h', 'mail_version');

const TABLE = `# networks in the order in which they should be found
192.0.2.7            550 seven
192.0.2.0/24         550 network
192.0.2.8            550 never
10.0.0.0/9
                     550 continued
2001:db8:1::/48      550 six
2001:db8::/32        550 wide
0.0.0.0/0            550 world
`;
const ADDRESSES = [
  ...['192.0.2.7', '192.0.2.8', '192.0.2.255', '10.127.255.255', '10.128.0.0', '203.0.113.1'],
  ...['2001:db8:1:2::3', '2001:db8:2::1', '2001:db9::1'],
];

test('postmap and the plugin find the same entries', async (t) => {
  if (lacks(t, missing)) return;
  const file = folder.join('clients');
  writeFileSync(file, TABLE);
  const { output } = await run('postmap', ['-q', '-', `cidr:${file}`], `${ADDRESSES.join('\n')}\n`);
  const found = new Map(output.split('\n').map((line) => line.split('\t') as [string, string | undefined]));
  assert.ok(found.size > 5, output);
  await using plugin = await mount(checkAccess({ rules: [{ of: 'client', format: 'cidr', file }] }));
  for (const remoteAddress of ADDRESSES) {
    const answer = await plugin.ask('on-connect', { session: { remoteAddress } });
    const text = answer.kind === 'reject' ? `550 ${answer.text}` : undefined;
    assert.equal(text, found.get(remoteAddress), remoteAddress);
  }
});
