// What every plugin promises, as tests: one sentence each. A plugin's own test calls `pluginContract` and adds what is
// its alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type AnyPluginBody,
  allowedKinds,
  type ConfiguredPlugin,
  hookNames,
  type SessionHook,
} from '../contract/index.ts';
import { checkBody } from '../server/body-check.ts';
import { fakeClock } from './fake-clock.ts';
import { type MountedPlugin, mount, setUp } from './mount.ts';
import { ADDRESSES, QUESTIONS } from './plugin-contract-questions.ts';
import { undescribed } from './plugin-contract-schema.ts';
import { recordingLogger } from './recording-logger.ts';

export interface PluginContractOptions {
  /** Services that have no fake, by the plugin's own names; made anew for each test. */
  services?(): Readonly<Record<string, unknown>>;
  /** Milliseconds that an answer may take, and what a stopped plugin takes to let go of its sockets. Default 1,000. */
  readonly within?: number;
}

/**
 * Registers the contract's tests with node:test.
 * @param configure gives the plugin with a configuration that works, for each test anew.
 */
export function pluginContract(configure: () => ConfiguredPlugin, options: PluginContractOptions = {}): void {
  const { services = () => ({}), within = 1000 } = options;
  const { plugin: spec } = configure();
  const promise = (sentence: string, proof: () => Promise<void> | void): void => {
    test(`${spec.name}: ${sentence}`, proof);
  };

  promise('its name is role-subject', () => {
    assert.match(spec.name, /^[a-z]+(?:-[a-z0-9]+)+$/);
  });

  promise('every key of its configuration says what it means', () => {
    assert.deepEqual(undescribed(spec.config), []);
  });

  promise('a key that its configuration does not know is refused', () => {
    const configured = configure();
    const config = { ...(configured.config as object | undefined), [UNKNOWN_KEY]: true };
    assert.throws(() => setUp({ ...configured, config }, services(), recordingLogger()), {
      code: 'config-invalid',
      message: new RegExp(`${UNKNOWN_KEY} is unknown`),
    });
  });

  promise('what its set-up returns is what a plugin has', () => {
    const { spec: own, body } = setUp(configure(), services(), recordingLogger());
    checkBody({ name: own.name, spec: own }, body);
  });

  promise('set up again, it has the same hooks in the same order, observers and services', () => {
    const shapes = [1, 2].map(() => shapeOf(setUp(configure(), services(), recordingLogger()).body));
    assert.deepEqual(shapes[1], shapes[0]);
  });

  promise('setting it up touches nothing: no timer, socket or file before its start', async () => {
    const before = resources();
    const clock = fakeClock();
    setUp(configure(), services(), recordingLogger(), clock);
    setUp(configure(), services(), recordingLogger(), clock);
    assert.equal(clock.timers, 0, 'a timer runs');
    assert.deepEqual(more(resources(), before), []);
  });

  promise('stopped, it leaves nothing behind, and can be started again', async () => {
    const before = resources();
    const clock = fakeClock();
    for (let round = 0; round < 2; round += 1) {
      await using mounted = await mount(configure(), services(), clock);
      await askAll(mounted, within);
    }
    assert.equal(clock.timers, 0, 'a timer still runs');
    const end = performance.now() + within;
    while (more(resources(), before).length > 0 && performance.now() < end) await turn();
    assert.deepEqual(more(resources(), before), []);
  });

  promise('it describes itself in one line', () => {
    const { body } = setUp(configure(), services(), recordingLogger());
    assert.match(body.describe?.() ?? 'nothing to say', /^[^\p{Cc}]+$/u);
  });

  promise('every question has an answer that its hook may give, in time', async () => {
    await using mounted = await mount(configure(), services());
    await askAll(mounted, within);
  });

  promise('the same questions have the same answers', async () => {
    await using one = await mount(configure(), services());
    await using other = await mount(configure(), services());
    assert.deepEqual(await askAll(one, within), await askAll(other, within));
  });

  promise('asked to give up, it ends', async () => {
    await using mounted = await mount(configure(), services());
    for (const hook of mounted.hooks) {
      if (hook === 'on-deliver') continue;
      const asked = mounted.ask(hook, { signal: AbortSignal.abort() });
      // What it says or throws is the core's affair, which has given its own answer.
      await inTime(
        hook,
        within,
        asked.catch(() => undefined),
      );
    }
  });
}

const UNKNOWN_KEY = 'no-such-key';

/** Where it stands in every plan, and what it is to others. */
function shapeOf({ hooks = {}, observe = {}, services = {} }: AnyPluginBody): object {
  const places = Object.entries(hooks).map(([hook, placed]) => [hook, (placed as { order?: unknown }).order]);
  return { places, observed: Object.keys(observe), services: Object.keys(services) };
}

/** Asks everything, and gives what was answered. */
async function askAll(mounted: MountedPlugin, within: number): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const hook of hookNames.filter((name) => mounted.hooks.includes(name))) {
    if (hook === 'on-deliver') answers.push(...(await claimAll(mounted)));
    else answers.push(...(await askOf(mounted, hook, within)));
  }
  return [...answers, ...mounted.edits.map((edit) => JSON.stringify(edit))];
}

async function askOf(mounted: MountedPlugin, hook: SessionHook, within: number): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const [what, details] of QUESTIONS) {
    const answer = await inTime(`${hook}, ${what}`, within, mounted.ask(hook, details));
    assert.ok(allowedKinds[hook].has(answer.kind), `${hook}, ${what}: it may not answer ${answer.kind}`);
    answers.push(`${hook}, ${what}: ${JSON.stringify(answer)}`);
  }
  return answers;
}

async function claimAll(mounted: MountedPlugin): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const address of ADDRESSES) {
    const destination = await mounted.claim(address);
    assert.ok(
      destination === undefined || typeof destination === 'string',
      `${address}: a destination is a string`,
    );
    answers.push(`claim ${address}: ${destination}`);
  }
  return answers;
}

async function inTime<T>(what: string, within: number, answer: Promise<T>): Promise<T> {
  const began = performance.now();
  const given = await answer;
  const took = performance.now() - began;
  assert.ok(took <= within, `${what}: ${Math.round(took)} ms`);
  return given;
}

/** What keeps a process alive; requests to the file system and turns of the loop end by themselves. */
function resources(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => !/^(?:FSReq|Immediate|TickObject)/.test(kind));
}

function more(now: readonly string[], before: readonly string[]): readonly string[] {
  const left = [...before];
  return now.filter((kind) => {
    const at = left.indexOf(kind);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}
