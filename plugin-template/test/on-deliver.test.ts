import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mount, pluginContract } from '@posthouse/core/testing';
import plugin from '../src/on-deliver.ts';

test('mail for the domain is claimed, other mail is left to others', async () => {
  await using mounted = await mount(plugin({ domain: 'Example.org' }));
  assert.equal(await mounted.claim('ann@example.org'), 'example.org');
  assert.equal(await mounted.claim('ann@example.net'), undefined);
});

test('a message becomes a file, octet for octet', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deliver-'));
  try {
    await using mounted = await mount(plugin({ domain: 'example.org', folder }));
    const message = 'Subject: Hello\r\n\r\nHello\r\n';
    const outcomes = await mounted.deliver({ recipients: ['ann@example.org'], message });
    assert.equal(outcomes.get('ann@example.org')?.kind, 'delivered');
    assert.equal(await readFile(join(folder, 'ITEM1.eml'), 'utf8'), message);
  } finally {
    await rm(folder, { recursive: true });
  }
});

pluginContract(() => plugin({ domain: 'elsewhere.example' }));
