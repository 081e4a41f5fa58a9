// Several stores on one folder: leases hold between them, and end with the one that holds them, however it ends.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAIN, openAt, temporaryFolder, WORKER } from './opened-stores.ts';
import { item, NOW, put, read, takenIds } from './samples.ts';

test('two stores on one file never take the same item, and each frees its own on closing', async () => {
  const folder = temporaryFolder();
  const [one, two] = [await openAt(folder.path, MAIN), await openAt(folder.path, WORKER)];
  try {
    const ids = Array.from({ length: 40 }, (_, index) => `i${100 + index}`);
    await Promise.all(ids.map((id, index) => put(index % 2 ? one : two, [item(id)])));
    const request = { now: NOW, limit: 25, leaseUntil: NOW + 60_000, except: [] };
    const taken = await Promise.all([one.take(request), two.take(request)]);
    assert.deepEqual(
      taken
        .flat()
        .map((entry) => entry.item.id)
        .sort(),
      ids,
    );
    await one.renew(NOW + 90_000);
    await two.close();
    const third = await openAt(folder.path);
    assert.equal((await takenIds(third)).length, taken[1]?.length);
    await third.close();
  } finally {
    await one.close();
    folder.remove();
  }
});

test('the draft of a living store is left alone when another one opens', async () => {
  const folder = temporaryFolder();
  const one = await openAt(folder.path);
  try {
    const draft = one.draft();
    await draft.write(Buffer.alloc(300_000));
    const body = await draft.finish();
    await (await openAt(folder.path)).close();
    assert.equal((await read(body.open())).length, 300_000);
    body.discard();
  } finally {
    await one.close();
    folder.remove();
  }
});

for (const thread of ['main', 'worker']) {
  test(`after kill -9 everything acknowledged is there, whole and free (${thread})`, async () => {
    const folder = temporaryFolder();
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./putter.js', import.meta.url)), folder.path, thread],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      const acknowledged = await linesUntil(child, 300);
      const store = await openAt(folder.path);
      try {
        const there = new Set<string>();
        for (let ids = await takenIds(store); ids.length > 0; ids = await takenIds(store))
          for (const id of ids) there.add(id);
        for (const id of acknowledged) assert.ok(there.has(id), `${id} is lost`);
        for (const id of there)
          assert.equal((await read(store.body(`m-${id}`))).length, id.startsWith('l') ? 300_000 : 4096);
        const large = [...there].filter((id) => id.startsWith('l')).length;
        const files = readdirSync(join(folder.path, 'bodies'), { recursive: true, encoding: 'utf8' });
        assert.equal(files.filter((name) => name.includes('-')).length, large);
      } finally {
        await store.close();
      }
    } finally {
      child.kill('SIGKILL');
      folder.remove();
    }
  });
}

/** Kills the child in the middle of its work: what it had printed by then, it had promised. */
async function linesUntil(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  const { stdout } = child;
  assert.ok(stdout);
  for await (const line of createInterface({ input: stdout })) {
    lines.push(line);
    if (lines.length === count) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return lines;
}
