// What cannot be read is set aside with its reason, told, and kept; what cannot be opened is refused.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { PosthouseError } from '@posthouse/core';
import {
  MAIN,
  openAt,
  type RecordingSink,
  recordingSink,
  tamper,
  temporaryFolder,
  WORKER,
} from './opened-stores.ts';
import { item, put, read, takenIds } from './samples.ts';

const LARGE = 300_000;

function bodyFiles(path: string): string[] {
  return readdirSync(join(path, 'bodies'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('-'),
  );
}

const ways: readonly [string, RegExp, (path: string) => void][] = [
  [
    'an item that is not JSON',
    /item is not readable/,
    (path) => tamper(path, "UPDATE item SET rest = '{' WHERE id = 'bad'"),
  ],
  [
    'an item without recipients',
    /item is not readable/,
    (path) => tamper(path, "UPDATE item SET rest = '{}' WHERE id = 'bad'"),
  ],
  [
    'a record of another message',
    /record is not readable/,
    (path) =>
      tamper(
        path,
        "UPDATE message SET record = (SELECT record FROM message WHERE id = 'm-good') WHERE id = 'm-bad'",
      ),
  ],
  [
    'an inline body that is too short',
    /body has 3 octets, not 10/,
    (path) => tamper(path, "UPDATE message SET body = x'010203' WHERE id = 'm-bad'"),
  ],
  [
    'a message that is gone',
    /message is gone/,
    (path) => tamper(path, "DELETE FROM message WHERE id = 'm-bad'"),
  ],
];

async function served(path: string, events: RecordingSink, text: RegExp): Promise<void> {
  const store = await openAt(path, MAIN, events);
  assert.deepEqual(await takenIds(store), ['good']);
  assert.equal(events.damaged.length, 1);
  assert.equal(events.damaged[0]?.entry, 'bad');
  assert.match(events.damaged[0]?.text ?? '', text);
  assert.deepEqual(await store.counts(), { messages: 1, waiting: 1, held: 0, damaged: 1 });
  await store.close();
  const db = new DatabaseSync(join(path, 'queue.sqlite'));
  const aside = db.prepare('SELECT item, message, reason FROM damaged').get();
  assert.equal(aside?.item, 'bad');
  assert.match(String(aside?.reason), text);
  db.close();
}

for (const [what, text, harm] of ways) {
  test(`${what} is set aside and told; the others are served`, async () => {
    const folder = temporaryFolder();
    try {
      const store = await openAt(folder.path);
      await put(store, [item('bad')]);
      await put(store, [item('good')]);
      await store.close();
      harm(folder.path);
      await served(folder.path, recordingSink(), text);
    } finally {
      folder.remove();
    }
  });
}

for (const [what, text, harm] of [
  ['a body file that is gone', /file of its body is gone/, rmSync],
  ['a body file that is too short', /body has 5 octets, not 300000/, (file: string) => truncateSync(file, 5)],
] as const) {
  test(`${what} sets its entry aside`, async () => {
    const folder = temporaryFolder();
    try {
      const store = await openAt(folder.path);
      await put(store, [item('bad')], 'm-bad', LARGE);
      await put(store, [item('good')]);
      await store.close();
      harm(join(folder.path, 'bodies', bodyFiles(folder.path)[0] as string));
      await served(folder.path, recordingSink(), text);
    } finally {
      folder.remove();
    }
  });
}

test('the body of a damaged entry is kept, whatever happens to the other items of its message', async () => {
  const folder = temporaryFolder();
  const events = recordingSink();
  try {
    const store = await openAt(folder.path, WORKER, events);
    await put(store, [item('bad'), item('good')], 'm', LARGE);
    tamper(folder.path, "UPDATE item SET rest = 'x' WHERE id = 'bad'");
    assert.deepEqual(
      (await store.find({}, 10)).entries.map((entry) => entry.item.id),
      ['good'],
    );
    assert.equal(events.damaged.length, 1);
    await store.commit({ remove: [item('good', { message: 'm' })] });
    assert.equal((await store.counts()).messages, 0);
    assert.equal((await read(store.body('m'))).length, LARGE);
    await store.close();
    await (await openAt(folder.path)).close();
    assert.equal(bodyFiles(folder.path).length, 1);
  } finally {
    folder.remove();
  }
});

for (const options of [MAIN, WORKER]) {
  const refused = (path: string, text: RegExp): Promise<void> =>
    assert.rejects(openAt(path, options), (error) => {
      assert.ok(PosthouseError.is(error, 'store-failed'), String(error));
      assert.match(error.message, text);
      return true;
    });

  test(`a file that is no database is refused and left as it is (${options.thread})`, async () => {
    const folder = temporaryFolder();
    const file = join(folder.path, 'queue.sqlite');
    try {
      await (await openAt(folder.path)).close();
      const bytes = readFileSync(file).fill(0x5a, 0, 40);
      writeFileSync(file, bytes);
      await refused(folder.path, /not a database.*|left as it is/s);
      assert.ok(readFileSync(file).equals(bytes));
    } finally {
      folder.remove();
    }
  });

  test(`a newer schema is refused by its number (${options.thread})`, async () => {
    const folder = temporaryFolder();
    try {
      await (await openAt(folder.path)).close();
      tamper(folder.path, 'PRAGMA user_version = 99');
      await refused(folder.path, /schema 99, this one knows 1/);
    } finally {
      folder.remove();
    }
  });
}

test('somebody else’s database is refused', async () => {
  const folder = temporaryFolder();
  try {
    tamper(folder.path, 'CREATE TABLE diary (day TEXT)');
    await assert.rejects(openAt(folder.path), /not a queue of Posthouse/);
  } finally {
    folder.remove();
  }
});

test('a database that has vanished from its bodies is not silently begun anew', async () => {
  const folder = temporaryFolder();
  try {
    const store = await openAt(folder.path);
    await put(store, [item('a')], 'm-a', LARGE);
    await store.close();
    rmSync(join(folder.path, 'queue.sqlite'));
    await assert.rejects(openAt(folder.path), /is missing, but .*bodies holds bodies/);
    assert.equal(bodyFiles(folder.path).length, 1);
    assert.equal(existsSync(join(folder.path, 'queue.sqlite')), false);
  } finally {
    folder.remove();
  }
});

test('at the start, files that no message names go, and what another hand put there stays', async () => {
  const folder = temporaryFolder();
  try {
    const first = await openAt(folder.path);
    await put(first, [item('a')], 'm-a', LARGE);
    await first.close();
    const [kept] = bodyFiles(folder.path);
    mkdirSync(join(folder.path, 'bodies', 'ff'));
    writeFileSync(join(folder.path, 'bodies', 'ff', '1-zz'), 'left by a crash');
    writeFileSync(join(folder.path, 'bodies', 'ff', 'read-me'), 'by hand');
    await (await openAt(folder.path)).close();
    assert.deepEqual(bodyFiles(folder.path).sort(), [kept, 'ff/read-me'].sort());
  } finally {
    folder.remove();
  }
});
