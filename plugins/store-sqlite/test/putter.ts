// Puts messages without end, some of them large, all leased, and prints the id of each that is durable: to be killed.

import { writeSync } from 'node:fs';
import { MAIN, openAt } from './opened-stores.ts';
import { item, NOW, put } from './samples.ts';

const [path = '', thread = 'main'] = process.argv.slice(2);
const store = await openAt(path, { ...MAIN, thread: thread === 'worker' ? 'worker' : 'main' });

async function putForEver(who: number): Promise<void> {
  for (let turn = 0; ; turn++) {
    const large = turn % 10 === 9;
    const id = `${large ? 'l' : 's'}${who}-${turn}`;
    await put(store, [item(id)], `m-${id}`, large ? 300_000 : 4096, NOW + 1e9);
    writeSync(1, `${id}\n`);
  }
}
await Promise.all(Array.from({ length: 10 }, (_, who) => putForEver(who)));
