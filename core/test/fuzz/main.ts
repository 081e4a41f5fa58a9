// npm run test:fuzz: a million inputs, none of which may make anything throw, hang or grow.
//
//   --inputs N       inputs in all (default 1,000,000)
//   --target NAME    only this target
//   --input BASE64   only this input, as a finding names it; needs --target
// POSTHOUSE_SEED repeats a run.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Finding, type FuzzReport, fuzz, replay } from './fuzzer.ts';
import { TARGETS } from './targets.ts';

/** Milliseconds after which an input that has not ended never will. */
const HANGS = 20_000;
const LARGEST = 8192;

interface Order {
  readonly seed: number;
  readonly inputs: number;
  readonly target: string | undefined;
  /** Which input is being tried: its number, its target, its length, its octets. */
  readonly current: SharedArrayBuffer;
}

type Outcome =
  | { readonly report: FuzzReport }
  | { readonly target: string; readonly input: Uint8Array; readonly text: string };

if (isMainThread) {
  const { values } = parseArgs({
    options: { inputs: { type: 'string' }, target: { type: 'string' }, input: { type: 'string' } },
  });
  if (values.input === undefined) watch(Number(values.inputs ?? 1_000_000), values.target);
  else {
    const target = TARGETS.find(({ name }) => name === values.target);
    if (target === undefined)
      throw new Error(`--target is one of ${TARGETS.map(({ name }) => name).join(', ')}`);
    replay(target, Buffer.from(values.input, 'base64'));
  }
} else {
  work(workerData as Order);
}

/** Starts the fuzzer on a thread of its own and sees that it goes on: nobody hangs who watches. */
function watch(inputs: number, target: string | undefined): void {
  const seed = Number(process.env.POSTHOUSE_SEED ?? randomInt(2 ** 31));
  console.log(`POSTHOUSE_SEED=${seed}`);
  const current = new SharedArrayBuffer(16 + LARGEST);
  const order: Order = { seed, inputs, target, current };
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  const began = performance.now();
  let last = -1;
  let since = began;
  const timer = setInterval(() => {
    const [count = 0, index = 0, length = 0] = new Int32Array(current, 0, 3);
    if (count !== last) {
      last = count;
      since = performance.now();
    } else if (performance.now() - since > HANGS) {
      fail(TARGETS[index]?.name ?? '?', Buffer.from(current, 16, length), 'it hangs');
    }
  }, 1000);
  worker.on('error', (error) => {
    console.error(error);
    process.exit(1);
  });
  worker.on('message', (outcome: Outcome) => {
    clearInterval(timer);
    if ('report' in outcome) tell(outcome.report, performance.now() - began);
    else fail(outcome.target, outcome.input, outcome.text);
  });
}

function work({ seed, inputs, target, current }: Order): void {
  const targets = TARGETS.filter(({ name }) => target === undefined || name === target);
  const head = new Int32Array(current, 0, 3);
  const octets = new Uint8Array(current, 16);
  const indexes = new Map(TARGETS.map(({ name }, index) => [name, index]));
  const beginning = (name: string, input: Uint8Array): void => {
    head[1] = indexes.get(name) ?? 0;
    head[2] = Math.min(input.length, LARGEST);
    octets.set(input.subarray(0, LARGEST));
    Atomics.add(head, 0, 1);
  };
  const say = (outcome: Outcome): void => parentPort?.postMessage(outcome);
  try {
    say({ report: fuzz(targets, { seed, inputs, beginning }) });
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const cause = error.cause instanceof Error ? `\n${error.cause.stack}` : '';
    say({ target: error.target, input: error.input, text: error.message + cause });
  }
}

function tell({ targets, characters, growth }: FuzzReport, milliseconds: number): void {
  for (const { target, inputs, milliseconds: own, found } of targets) {
    const each = ((1000 * own) / inputs).toFixed(1);
    console.log(`${target}: ${inputs} inputs, ${each} us each; ${found} batches reached new code`);
  }
  const all = targets.reduce((sum, { inputs }) => sum + inputs, 0);
  console.log(
    `${all} inputs in ${(milliseconds / 1000).toFixed(0)} s; ${characters} characters of the core ran; the heap grew by ${(growth / 1024).toFixed(0)} KiB`,
  );
}

function fail(target: string, input: Uint8Array, text: string): never {
  console.error(`${target}: ${text}`);
  console.error(`npm run test:fuzz -- --target '${target}' --input ${Buffer.from(input).toString('base64')}`);
  process.exit(1);
}
