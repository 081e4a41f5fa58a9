import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeClock, recordingLogger } from '@posthouse/core/testing';
import { pagesOf } from '../src/pages.ts';
import { Recorder } from '../src/recorder.ts';
import { Segments, SegmentsReader } from '../src/segments.ts';

const DAY = 86_400_000;

function folder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'observe-trace-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
const closed = (session: string) => ({ session, remoteAddress: '192.0.2.1', why: 'QUIT' });
const page = (session: string) => pagesOf([{ at: 1, name: 'connection-closed', facts: closed(session) }]);

test('more events than the buffer holds are dropped, counted and told of once; mail never waits', async () => {
  using at = folder();
  const log = recordingLogger();
  const recorder = new Recorder({ path: at.path, keep: DAY, size: 1e9, buffer: 300 }, fakeClock(), log);
  await recorder.start();
  for (let number = 0; number < 5000; number++) recorder.record('connection-closed', closed(`S${number}`));
  assert.ok(recorder.dropped > 0 && recorder.dropped < 5000, String(recorder.dropped));
  assert.equal(log.lines.length, 1);
  assert.equal((await recorder.find('S0', 1))[0]?.session, 'S0');
  await recorder.stop();
  // What was kept can be read without a running server.
  assert.equal((await recorder.find('s0', 1)).length, 0);
  assert.equal((await recorder.find('S0', 1))[0]?.events.length, 1);
});

test('a folder that cannot be used ends the start, by its name', async () => {
  using at = folder();
  const path = join(at.path, 'file');
  writeFileSync(path, '');
  const recorder = new Recorder({ path, keep: DAY, size: 1e9, buffer: 300 }, fakeClock(), recordingLogger());
  await assert.rejects(recorder.start(), { code: 'plugin-start-failed', message: /file cannot be used/ });
});

test('a day has a file, the files share the room, and the oldest go first', () => {
  using at = folder();
  const segments = new Segments({ path: at.path, keep: 1e15, size: 400_000 });
  const start = Date.now();
  for (let day = 0; day < 40; day++) segments.write(page(`S${day}`), start + day * DAY);
  segments.close();
  const files = readdirSync(at.path).filter((name) => name.endsWith('.sqlite'));
  assert.ok(files.length > 2 && files.length < 40, String(files.length));
  const reader = new SegmentsReader(at.path);
  assert.equal(reader.about('s:S0', 1).length, 0);
  assert.equal(reader.about('s:S39', 1).length, 1);
  reader.close();
});

test('what is older than it is kept goes with the next file, and a damaged file hides no other', () => {
  using at = folder();
  const segments = new Segments({ path: at.path, keep: 3 * DAY, size: 1e9 });
  segments.write(page('OLD'), Date.now());
  segments.write(page('NEW'), Date.now() + 5 * DAY);
  segments.close();
  writeFileSync(join(at.path, 'trace-0000000000001-0.sqlite'), 'this is no database, whatever its name says');
  const reader = new SegmentsReader(at.path);
  assert.deepEqual([reader.about('s:OLD', 1).length, reader.about('s:NEW', 1).length], [0, 1]);
  reader.close();
});
