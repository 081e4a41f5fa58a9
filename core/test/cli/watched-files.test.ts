// What start --watch knows of files: when a save is complete, and which modules it makes stale.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModuleGraph } from '../../src/cli/module-graph.ts';
import { LOOK_EVERY, MOST_LOOKS, Saves } from '../../src/cli/saves.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';

function desk() {
  const clock = fakeClock();
  const stamps = new Map<string, number>();
  const saves = new Saves(clock, (path) => String(stamps.get(path)));
  const told: (readonly string[])[] = [];
  const save = (path: string) => stamps.set(path, (stamps.get(path) ?? 0) + 1);
  return { clock, saves, told, save, look: (times = 1) => clock.advance(LOOK_EVERY * times) };
}

test('a save is told once, when the files have been quiet for one look', async () => {
  const { saves, told, save, look } = desk();
  saves.add('a');
  saves.start(async (paths) => void told.push(paths));
  await look(10);
  assert.deepEqual(told, []);
  save('a');
  await look();
  assert.deepEqual(told, []);
  await look(10);
  assert.deepEqual(told, [['a']]);
});

test('a burst of saves is one, and one that never ends is told after half a second', async () => {
  const { saves, told, save, look } = desk();
  for (const path of ['a', 'b', 'c']) saves.add(path);
  saves.start(async (paths) => void told.push(paths));
  save('b');
  await look();
  save('a');
  await look(2);
  assert.deepEqual(told, [['b', 'a']]);
  for (let times = 0; times <= MOST_LOOKS; times++) {
    save('c');
    await look();
  }
  assert.deepEqual(told.slice(1), [['c']]);
  assert.ok(LOOK_EVERY * (MOST_LOOKS + 1) < 1000, 'a second is all that a save may take');
});

test('what is saved while the last save is being taken over is told afterwards, and a file that appears is a save', async () => {
  const { saves, told, save, look } = desk();
  saves.add('a');
  saves.add('missing');
  let done = () => {};
  saves.start((paths) => {
    told.push(paths);
    return new Promise((resolve) => {
      done = resolve;
    });
  });
  save('a');
  await look(2);
  save('missing');
  await look(5);
  assert.deepEqual(told, [['a']]);
  done();
  await look(2);
  assert.deepEqual(told, [['a'], ['missing']]);
  saves.stop();
  save('a');
  await look(5);
  assert.equal(told.length, 2);
});

test('a save makes stale what imports it, directly or not, and nothing else', () => {
  const graph = new ModuleGraph();
  const load = () => {
    for (const entry of ['first', 'second']) {
      graph.imported(entry, undefined);
      graph.imported('shared', entry);
    }
    graph.imported('words', 'first');
    graph.imported('letters', 'words');
    graph.imported('words', 'letters');
  };
  load();
  assert.deepEqual(graph.saved(['second']), { stale: ['second'], reachesPlugin: true });
  load();
  assert.deepEqual(
    ['first', 'words', 'shared', 'second'].map((path) => graph.imported(path, 'second')),
    [0, 0, 0, 1],
  );
  assert.deepEqual(graph.saved(['letters']).stale.toSorted(), ['first', 'letters', 'second', 'words']);
});

test('what nobody imports any more reaches no plugin, and what was missing does', () => {
  const graph = new ModuleGraph();
  graph.imported('entry', undefined);
  graph.imported('old', 'entry');
  graph.saved(['entry']);
  graph.imported('entry', undefined);
  graph.imported('missing', 'entry');
  assert.equal(graph.saved(['old']).reachesPlugin, false);
  assert.equal(graph.saved(['elsewhere']).reachesPlugin, false);
  assert.equal(graph.saved(['missing']).reachesPlugin, true);
});
