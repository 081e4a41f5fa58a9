// check-rspamd with a real rspamd: its own test patterns, and a rule that looks at what it is told of the envelope.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import checkRspamd from '@posthouse/check-rspamd';
import { mount } from '@posthouse/core/testing';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';

const folder = new TemporaryFolder('interop-rspamd');
const missing = missingProgram('rspamd', '--version');
let rspamd: Daemon | undefined;
let url = '';

/** Rspamd tells what it was told in a header field, as its module milter_headers would. */
const RULE = `
rspamd_config.TOLD = {
  callback = function(task)
    local rcpts = {}
    for _, rcpt in ipairs(task:get_recipients('smtp') or {}) do table.insert(rcpts, rcpt.addr) end
    local told = string.format('%s %s %s %s', tostring(task:get_from_ip()), tostring(task:get_helo()),
      (task:get_from('smtp') or {{ addr = '-' }})[1].addr, table.concat(rcpts, '+'))
    task:set_milter_reply({ add_headers = { ['X-Told'] = told }, remove_headers = { ['X-Gone'] = 0 } })
    return false
  end
}
`;

before(async () => {
  if (missing !== undefined) return;
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  // The whole list of top-level domains takes seconds to compile.
  writeFileSync(folder.join('tld'), 'example\n');
  writeFileSync(folder.join('rule.lua'), RULE);
  writeFileSync(
    folder.join('rspamd.conf'),
    `
options {
  pidfile = "${folder.join('rspamd.pid')}"; filters = ""; enable_test_patterns = true; local_addrs = [];
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
  url_tld = "${folder.join('tld')}"; control_socket = "${folder.join('rspamd.sock')} mode=0600";
}
logging { type = "console"; level = "error"; }
metric { name = "default"; actions { reject = 15; add_header = 6; rewrite_subject = 8; greylist = 4; } }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
lua = "${folder.join('rule.lua')}";
`,
  );
  const folders = ['DBDIR', 'RUNDIR', 'LOGDIR'].map((name) => `--var=${name}=${folder.path}`);
  rspamd = await Daemon.start('rspamd', ['-f', '-i', '-c', folder.join('rspamd.conf'), ...folders], { port });
});

after(async () => {
  await rspamd?.stop();
  folder.remove();
});

const gtube = (letter: string) =>
  `${letter}JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X`;
const mail = (body: string) =>
  `From: <ann@client.example>\r\nSubject: Hello\r\nX-Gone: x\r\nX-Spam: No\r\n\r\n${body}\r\n`;

test('rspamd is told the envelope, and its header fields are taken', async (t) => {
  if (lacks(t, missing)) return;
  await using plugin = await mount(checkRspamd({ url }));
  const answer = await plugin.ask('on-data', {
    message: mail('Hello'),
    sender: 'ann@client.example',
    recipients: ['bob@house.example', 'carl@house.example'],
    session: { remoteAddress: '192.0.2.1', helo: 'mx.client.example' },
  });
  assert.equal(answer.kind, 'continue', JSON.stringify(plugin.log.lines));
  const told = plugin.edits.flatMap((edit) =>
    edit.kind === 'prepend' ? [`${edit.name}: ${edit.value}`] : [],
  );
  assert.deepEqual(told, [
    'X-Told: 192.0.2.1 mx.client.example ann@client.example bob@house.example+carl@house.example',
  ]);
  assert.ok(plugin.edits.some((edit) => edit.kind === 'remove' && edit.name === 'X-Gone'));
});

for (const [letter, kind, edits] of [
  ['X', 'reject', []],
  ['Y', 'continue', ['X-Spam: Yes']],
  ['Z', 'continue', ['Subject: *** SPAM *** Hello', 'X-Spam: Yes']],
] as const) {
  test(`the pattern ${letter}JS… of rspamd: ${kind}`, async (t) => {
    if (lacks(t, missing)) return;
    await using plugin = await mount(checkRspamd({ url, milterHeaders: false }));
    const answer = await plugin.ask('on-data', { message: mail(gtube(letter)) });
    assert.equal(answer.kind, kind, JSON.stringify(plugin.log.lines));
    assert.deepEqual(
      plugin.edits.flatMap((edit) =>
        edit.kind === 'prepend' || edit.kind === 'replace' ? [`${edit.name}: ${edit.value}`] : [],
      ),
      edits,
    );
  });
}
