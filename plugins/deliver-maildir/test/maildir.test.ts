import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileCalls } from '../src/file-calls.ts';
import { type Letter, Maildir } from '../src/maildir.ts';

test('the content is synced before the name is given, and the name before anybody is told', async () => {
  const disk = new RecordingDisk();
  await new Maildir(disk, 1).write(letter('a'));
  disk.calls.push('told');
  assert.deepEqual(disk.calls, [
    'open /box/tmp/a',
    'writev /box/tmp/a 5',
    'fdatasync /box/tmp/a',
    'close /box/tmp/a',
    'rename /box/tmp/a /box/new/a,S=5',
    'open /box/new',
    'fsync /box/new',
    'close /box/new',
    'told',
  ]);
});

test('names that are given while the folder is being synced are told after the next sync, which they share', async () => {
  const disk = new RecordingDisk();
  const maildir = new Maildir(disk, 10);
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  disk.folderSyncs.push(first.promise, second.promise);
  const told: string[] = [];
  const write = (name: string) => maildir.write(letter(name)).then(() => told.push(name));
  const early = write('a');
  await disk.until('fsync /box/new');
  const late = [write('b'), write('c')];
  await disk.until('rename /box/tmp/c /box/new/c,S=5');
  first.resolve();
  await early;
  await disk.until('fsync /box/new', 2);
  assert.deepEqual(told, ['a']);
  second.resolve();
  await Promise.all(late);
  assert.deepEqual(told, ['a', 'b', 'c']);
  assert.equal(disk.calls.filter((call) => call === 'fsync /box/new').length, 2);
});

test('no more files wait for the disk at a time than were allowed, and a sync of the folder takes no place', async () => {
  const disk = new RecordingDisk();
  const maildir = new Maildir(disk, 2);
  const folder = Promise.withResolvers<void>();
  disk.folderSyncs.push(folder.promise);
  const written = ['a', 'b', 'c', 'd'].map((name) => maildir.write(letter(name)));
  assert.deepEqual(
    disk.calls.filter((call) => call.startsWith('open')),
    ['open /box/tmp/a', 'open /box/tmp/b'],
  );
  await disk.until('rename /box/tmp/d /box/new/d,S=5');
  folder.resolve();
  await Promise.all(written);
});

test('a write that the disk cuts short is continued', async () => {
  const disk = new RecordingDisk();
  disk.mostOctets = 2;
  await new Maildir(disk, 1).write(letter('a'));
  assert.deepEqual(
    disk.calls.filter((call) => call.startsWith('writev')),
    ['writev /box/tmp/a 5', 'writev /box/tmp/a 3', 'writev /box/tmp/a 1'],
  );
  assert.equal(disk.written, 'hello');
});

for (const failing of [
  'writev /box/tmp/a 5',
  'fdatasync /box/tmp/a',
  'close /box/tmp/a',
  'rename /box/tmp/a /box/new/a,S=5',
]) {
  test(`nothing is left in tmp/ and nobody is told when this fails: ${failing}`, async () => {
    const disk = new RecordingDisk();
    disk.failing = failing;
    await assert.rejects(new Maildir(disk, 1).write(letter('a')), { code: 'EIO' });
    assert.equal(disk.calls.at(-1), 'unlink /box/tmp/a');
    assert.ok(!disk.calls.includes('fsync /box/new'));
  });
}

test('nobody is told when the folder cannot be synced', async () => {
  const disk = new RecordingDisk();
  disk.failing = 'fsync /box/new';
  await assert.rejects(new Maildir(disk, 1).write(letter('a')), { code: 'EIO' });
});

test('a stream is asked from its beginning again where the Maildir turns out to be missing', async () => {
  const disk = new RecordingDisk();
  disk.missing = 'rename /box/tmp/a /box/new/a,S=5';
  const stream = async function* () {
    yield Buffer.from('hel');
    yield Buffer.from('lo');
  };
  await new Maildir(disk, 1).write({ ...letter('a'), open: stream });
  assert.equal(disk.written, 'hellohello');
  assert.ok(disk.calls.includes('mkdir /box/new'));
});

function letter(name: string): Letter {
  return { folder: '/box', name, lineEnds: 'crlf', open: () => [Buffer.from('hel'), Buffer.from('lo')] };
}

/** A disk that writes down what is asked of it, and fails where it is told to. */
class RecordingDisk implements FileCalls {
  readonly calls: string[] = [];
  /** What the next syncs of folders wait for. */
  readonly folderSyncs: Promise<void>[] = [];
  failing: string | undefined;
  /** Fails once, because a folder is not there. */
  missing: string | undefined;
  mostOctets = Number.POSITIVE_INFINITY;
  written = '';
  readonly #names = new Map<number, string>();

  async until(call: string, times = 1): Promise<void> {
    while (this.calls.filter((each) => each === call).length < times)
      await new Promise((resolve) => setImmediate(resolve));
  }

  open(path: string): number {
    this.#call(`open ${path}`);
    this.#names.set(this.calls.length, path);
    return this.calls.length;
  }

  writev(handle: number, pieces: readonly Uint8Array[]): number {
    const octets = Buffer.concat(pieces);
    this.#call(`writev ${this.#names.get(handle)} ${octets.length}`);
    const taken = octets.subarray(0, this.mostOctets);
    this.written += taken.toString();
    return taken.length;
  }

  async fdatasync(handle: number): Promise<void> {
    this.#call(`fdatasync ${this.#names.get(handle)}`);
  }

  async fsync(handle: number): Promise<void> {
    this.#call(`fsync ${this.#names.get(handle)}`);
    await this.folderSyncs.shift();
  }

  close(handle: number): void {
    this.#call(`close ${this.#names.get(handle)}`);
  }

  rename(from: string, to: string): void {
    this.#call(`rename ${from} ${to}`);
  }

  unlink(path: string): void {
    this.#call(`unlink ${path}`);
  }

  mkdir(path: string): string | undefined {
    this.#call(`mkdir ${path}`);
    return undefined;
  }

  #call(call: string): void {
    this.calls.push(call);
    if (call === this.failing) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    if (call !== this.missing) return;
    this.missing = undefined;
    throw Object.assign(new Error('no such file or directory'), { code: 'ENOENT' });
  }
}
