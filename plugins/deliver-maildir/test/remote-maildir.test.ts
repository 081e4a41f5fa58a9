import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RemoteLetter, RemoteMaildir } from '../src/remote-maildir.ts';

test('letters that are handed over together are answered each for itself', async (t) => {
  const folder = await folderFor(t);
  const maildir = new RemoteMaildir();
  t.after(() => maildir.close());
  await writeFile(join(folder, 'file'), 'no folder');
  const [good, bad, other] = await Promise.allSettled([
    maildir.write(letter(join(folder, 'box'), 'a', 'one')),
    maildir.write(letter(join(folder, 'file/box'), 'b', 'two')),
    maildir.write(letter(join(folder, 'box'), 'c', 'three')),
  ]);
  assert.equal(good.status, 'fulfilled');
  assert.equal(other.status, 'fulfilled');
  assert.equal(bad.status === 'rejected' && bad.reason.code, 'ENOTDIR');
  assert.deepEqual((await readdir(join(folder, 'box/new'))).sort(), ['a,S=3', 'c,S=5']);
  assert.equal(await readFile(join(folder, 'box/new/c,S=5'), 'utf8'), 'three');
});

test('when the thread ends, what was under way rejects, and the next letter gets a new thread', async (t) => {
  const folder = await folderFor(t);
  const maildir = new RemoteMaildir();
  t.after(() => maildir.close());
  const under = maildir.write(letter(folder, 'a', 'one'));
  const rejected = assert.rejects(under, /the thread that writes mailboxes has ended/);
  await maildir.close();
  await rejected;
  await maildir.write(letter(folder, 'b', 'two'));
  assert.ok((await readdir(join(folder, 'new'))).includes('b,S=3'));
});

function letter(folder: string, name: string, text: string): RemoteLetter {
  return { folder, name, lineEnds: 'crlf', pieces: [Buffer.from(text)] };
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deliver-maildir-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
