import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FakeClock, fakeClock, type MountedPlugin, mount } from '@posthouse/core/testing';
import acceptSubmission from '../src/index.ts';
import { parseSenderFile } from '../src/sender-file.ts';

test('the file has a user and his senders in each line', () => {
  const text = '# who may be whom\nann: sales@example.org, *@example.net\r\n\n john doe :*   # all of it\n';
  assert.deepEqual(
    [...parseSenderFile(text, 'senders')],
    [
      { user: 'ann', senders: ['sales@example.org', '*@example.net'], where: 'senders:2' },
      { user: 'john doe', senders: ['*'], where: 'senders:4' },
    ],
  );
});

for (const line of ['ann', 'ann:', ': *', 'ann: a@example.org,', 'ann: ,b@example.org']) {
  test(`the line “${line}” is refused with its number`, () => {
    assert.throws(() => [...parseSenderFile(`\n${line}\n`, 'senders')], {
      code: 'config-invalid',
      message: `senders:2: expected "user: sender, sender", got "${line}"`,
    });
  });
}

interface Mounted extends AsyncDisposable {
  readonly plugin: MountedPlugin;
  readonly clock: FakeClock;
  readonly path: string;
  /** Replaces the file, as an editor does. */
  write(text: string): void;
  /** What the user hears when he sends as sales@example.org. */
  answer(user?: string): Promise<string>;
  /** Lets the plugin look at the file: the time is the clock's, the reading the system's. */
  look(done: () => boolean): Promise<void>;
}

async function mounted(text: string): Promise<Mounted> {
  const folder = mkdtempSync(join(tmpdir(), 'accept-submission-'));
  const path = join(folder, 'senders');
  writeFileSync(path, text);
  const clock = fakeClock();
  const plugin = await mount(acceptSubmission({ file: path, senders: [] }), { clock });
  return {
    plugin,
    clock,
    path,
    write(next) {
      writeFileSync(`${path}.new`, next);
      renameSync(`${path}.new`, path);
    },
    answer: async (user = 'ann') =>
      (await plugin.ask('on-mail-from', { session: { user }, sender: 'sales@example.org' })).kind,
    async look(done) {
      await clock.advance(5_000);
      while (!done()) await new Promise((resolve) => setImmediate(resolve));
    },
    async [Symbol.asyncDispose]() {
      await plugin.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

const logged = (plugin: MountedPlugin, text: string) => (): boolean =>
  plugin.log.lines.some((line) => line.text === text);
const READ_AGAIN = 'senders read again';
const NOT_USED = 'the sender file is not used, what it said before still holds';

test('the file is read again when it has changed', async () => {
  await using house = await mounted('ann: sales@example.org\n');
  assert.equal(await house.answer(), 'continue');
  assert.equal(await house.answer('eve'), 'reject');
  house.write('eve: sales@example.org\n');
  assert.equal(await house.answer('eve'), 'reject');
  await house.look(logged(house.plugin, READ_AGAIN));
  assert.equal(await house.answer(), 'reject');
  assert.equal(await house.answer('eve'), 'continue');
});

test('a file that has become wrong, or has gone, is complained of once, and what it said still holds', async () => {
  await using house = await mounted('ann: sales@example.org\n');
  const complaints = (): number => house.plugin.log.lines.filter(({ text }) => text === NOT_USED).length;
  house.write('ann: nonsense\n');
  await house.look(() => complaints() === 1);
  assert.equal(await house.answer(), 'continue');
  rmSync(house.path);
  await house.look(() => complaints() === 2);
  house.write('ann: *\n');
  await house.look(logged(house.plugin, READ_AGAIN));
  assert.equal(await house.answer(), 'continue');
  assert.equal(complaints(), 2);
});

test('a file that is missing or wrong at the start ends it', async () => {
  await assert.rejects(mount(acceptSubmission({ file: '/nowhere/senders' })), { code: 'config-invalid' });
  await assert.rejects(mounted('ann: nonsense\n'), {
    message: /senders:1: "nonsense" is not a sender: an address/,
  });
});
