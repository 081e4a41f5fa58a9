// The parts of the workers by themselves: shared counts, the line between threads, pauses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { PosthouseError } from '../../../src/contract/index.ts';
import { Admission } from '../../../src/reception/index.ts';
import { workersFor } from '../../../src/server/configuration/resolve.ts';
import { Line, type Port } from '../../../src/server/workers/line.ts';
import { Pulse } from '../../../src/server/workers/pulse.ts';
import { SharedTallies } from '../../../src/server/workers/shared-tallies.ts';
import { pauseAfter } from '../../../src/server/workers/workforce.ts';
import { type FakeClock, fakeClock } from '../../../src/testing/fake-clock.ts';

function lanes() {
  const clock = fakeClock(0);
  const memory = SharedTallies.memory(3);
  const [one, two, three] = [0, 1, 2].map((lane) => new SharedTallies(memory, lane, 42, clock));
  return { clock, one, two, three } as { clock: FakeClock } & Record<'one' | 'two' | 'three', SharedTallies>;
}

test('what one thread counts, the others see; a dead one is taken out', () => {
  const { one, two } = lanes();
  one.raiseTotal();
  assert.equal(two.raiseTotal(), 2);
  assert.equal(one.addresses.raise('192.0.2.1'), 1);
  assert.equal(two.addresses.raise('192.0.2.1'), 2);
  assert.equal(two.addresses.raise('192.0.2.2'), 1);
  assert.equal(two.networks.raise('192.0.2.1'), 1);
  two.addresses.lower('192.0.2.1');
  assert.equal(two.addresses.raise('192.0.2.1'), 2);
  two.clear(0);
  assert.deepEqual([two.total, two.addresses.raise('192.0.2.1')], [1, 2]);
});

test('arrivals within a minute are summed, and slide out', async () => {
  const { clock, one, two } = lanes();
  for (let time = 0; time < 10; time++) one.arrived('192.0.2.1');
  assert.equal(two.arrived('192.0.2.1'), 11);
  await clock.advance(90_000);
  // Half of the minute before still counts.
  assert.equal(two.arrived('192.0.2.1'), 1 + 11 / 2);
  await clock.advance(60_000);
  assert.equal(one.arrived('192.0.2.1'), 1 + 1 / 2);
});

test('a count is never too low, and with 20,000 other clients hardly ever too high', () => {
  const { one: tallies } = lanes();
  let wrong = 0;
  for (let client = 0; client < 20_000; client++) {
    const count = tallies.addresses.raise(`10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`);
    assert.ok(count >= 1);
    if (count > 1) wrong += 1;
    assert.ok(count < 3, `client ${client} counts ${count}`);
  }
  assert.ok(wrong < 100, `${wrong} of 20,000`);
});

test('admission over shared tallies never lets more in than the limit', () => {
  const { one, two, three } = lanes();
  const limits = {
    connections: 10,
    connectionsPerAddress: 4,
    connectionsPerNetwork: 6,
    connectionsPerMinute: 100,
    ipv4Prefix: 24,
    ipv6Prefix: 64,
  };
  const doors = [one, two, three].map((tallies) => new Admission(limits as never, tallies));
  const enter = (turn: number, address: string) => doors[turn % 3]?.enter(address);
  const answers = Array.from({ length: 8 }, (_, turn) => enter(turn, '192.0.2.1'));
  assert.equal(answers.filter((answer) => answer === undefined).length, 4);
  assert.equal(enter(0, '192.0.2.2'), undefined);
  assert.equal(enter(1, '192.0.2.3'), undefined);
  assert.equal(enter(2, '192.0.2.4'), 'too-many-from-network');
  for (let turn = 0; turn < 4; turn++) assert.equal(enter(turn, '127.0.0.1'), undefined);
  assert.equal(enter(0, '198.51.100.1'), 'too-many');
  doors[1]?.leave('192.0.2.3');
  assert.equal(enter(2, '198.51.100.1'), undefined);
});

type There = {
  readonly double: { readonly given: number; readonly answer: number };
  readonly fail: { readonly given: string; readonly answer: undefined };
  readonly note: { readonly given: unknown };
};
type Back = { readonly heard: { readonly given: string } };

function linked(t: { after(then: () => void): void }) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const troubles: string[] = [];
  let letters = 0;
  port2.on('message', () => {
    letters += 1;
  });
  const noted: unknown[] = [];
  const far = new Line<Back, There>(
    port2 as unknown as Port,
    {
      double: (given) => given * 2,
      fail: async (code) => {
        throw code === '' ? new Error('plain') : new PosthouseError(code as 'store-full', 'in words');
      },
      note: (given) => void noted.push(given),
    },
    (text) => troubles.push(text),
  );
  const near = new Line<There, Back>(port1 as unknown as Port, { heard: () => {} }, (text) =>
    troubles.push(text),
  );
  return { near, far, troubles, noted, letters: () => letters };
}

test('what is said in one turn travels as one message, and answers find their questions', async (t) => {
  const { near, letters, noted } = linked(t);
  near.tell('note', 'first');
  const answers = await Promise.all([near.ask('double', 1), near.ask('double', 2), near.ask('double', 3)]);
  assert.deepEqual([answers, noted, letters()], [[2, 4, 6], ['first'], 1]);
});

test('a failure arrives as what it was', async (t) => {
  const { near } = linked(t);
  await assert.rejects(near.ask('fail', 'store-full'), (error) => PosthouseError.is(error, 'store-full'));
  await assert.rejects(near.ask('fail', ''), /^Error: plain$/);
});

test('what cannot be sent is told of, and takes nothing else along', async (t) => {
  const { near, troubles, noted } = linked(t);
  near.tell('note', () => 'no thread can have this');
  const answer = near.ask('double', 4);
  assert.equal(await answer, 8);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] as string, /^note cannot go to another thread/);
  assert.deepEqual(noted, []);
});

test('whoever waits on a line that is closed hears why', async (t) => {
  const { near } = linked(t);
  const waiting = near.ask('double', 1);
  near.close(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(near.ask('double', 1), /gone/);
});

test('a worker that counts on is alive; one that is silent for six looks is lost', () => {
  const pulse = new Pulse();
  pulse.restart(10);
  for (let beats = 11; beats < 30; beats++) assert.equal(pulse.isLost(beats), false);
  const looks = Array.from({ length: 6 }, () => pulse.isLost(29));
  assert.deepEqual(looks, [false, false, false, false, false, true]);
  pulse.restart(29);
  assert.equal(pulse.isLost(29), false);
});

test('a successor begins at once after a long life, and ever later after short ones', () => {
  assert.equal(pauseAfter(60_000, 1600), 0);
  assert.deepEqual([pauseAfter(10, 0), pauseAfter(10, 100), pauseAfter(10, 20_000)], [100, 200, 30_000]);
});

test('auto is one thread on up to two processors, else one less than there are', () => {
  const auto = [1, 2, 3, 8].map((processors) => workersFor('auto', 'posthouse.yaml', processors));
  assert.deepEqual(auto, [1, 1, 2, 7]);
  assert.equal(workersFor(3, 'posthouse.yaml', 1), 3);
});
