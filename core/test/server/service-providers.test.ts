// The table of who provides which service is held to what the plugins declare, and has every service of the contract that
// is not the core's own.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as contract from '../../src/contract/index.ts';
import { definePlugin, QueueStore, type Token, tokenName } from '../../src/contract/index.ts';
import { asPlugin } from '../../src/server/configuration/index.ts';
import { createServer } from '../../src/server/server.ts';
import { providersOf } from '../../src/server/service-providers.ts';
import { storeMemory } from '../../src/server/store-memory.ts';
import { recordingLogger } from '../../src/testing/recording-logger.ts';

const PLUGINS = fileURLToPath(new URL('../../../../plugins/', import.meta.url));
const tokens = (Object.values(contract) as unknown[]).filter(
  (value) => typeof value === 'symbol',
) as Token<object>[];

test('the table says what the plugins declare', async () => {
  const declared: string[] = [];
  const stated: string[] = [];
  for (const name of readdirSync(PLUGINS)) {
    const built = `${PLUGINS}${name}/dist/src/index.js`;
    if (!existsSync(built)) continue;
    const { default: exported } = (await import(pathToFileURL(built).href)) as { default: unknown };
    const plugin = asPlugin(exported);
    assert.ok(typeof plugin !== 'string', `${name}: ${plugin}`);
    for (const service of Object.values(plugin.spec.provides ?? {}))
      declared.push(`${tokenName(service)} @posthouse/${name}`);
    for (const [service, packages] of providersOf)
      if (packages.includes(`@posthouse/${name}`)) stated.push(`${tokenName(service)} @posthouse/${name}`);
  }
  assert.deepEqual(stated.toSorted(), declared.toSorted());
});

test('every service of the contract is there, or somebody is named who could provide it', () => {
  assert.ok(tokens.length >= 15, `${tokens.length} services`);
  for (const service of tokens) {
    const asking = definePlugin({ name: 'check-it', needs: { it: service }, setup: () => ({}) });
    const plugins = service === QueueStore ? [asking()] : [storeMemory(), asking()];
    const open = () =>
      createServer(
        { hostname: 'house.example', listeners: [{ name: 'mx', port: 0 }], plugins },
        { logger: recordingLogger() },
      );
    try {
      open();
    } catch (error) {
      assert.match(
        (error as Error).message,
        /^nothing provides .*plugin check-it needs? it; add @posthouse\//,
      );
      assert.ok(providersOf.has(service), tokenName(service));
    }
  }
});
