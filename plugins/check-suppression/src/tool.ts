// The list in the operator's hand: what `posthouse suppression` does to the file, while the server runs or not.

import { existsSync } from 'node:fs';
import { openDatabase } from './database.ts';
import { keyOfText } from './key.ts';
import { type Entry, type Failure, SuppressionList } from './suppression-list.ts';

/** Throws a TypeError that names what is wrong with the address. */
export function addAddress(
  path: string,
  written: string,
  { now, until, text }: { readonly now: number; readonly until: number | null; readonly text: string },
): string {
  const address = keyed(written);
  within(path, (list) => list.put({ address, since: now, until, source: 'operator', class: null, text }));
  return address;
}

/** Forgets its failures too. @returns false when it was not on the list */
export function removeAddress(path: string, written: string): boolean {
  return within(path, (list) => list.remove(keyed(written)));
}

export function listAddresses(path: string, now: number, limit: number, after?: string): readonly Entry[] {
  return within(path, (list) => list.page(now, limit, after));
}

/** What stands in the way of mail for the address, and the failures that are remembered of it. */
export function explainAddress(
  path: string,
  written: string,
  now: number,
): { readonly address: string; readonly entry: Entry | undefined; readonly failures: readonly Failure[] } {
  const address = keyed(written);
  return within(path, (list) => ({
    address,
    entry: list.find(address, now),
    failures: list.failuresOf(address),
  }));
}

/** The one spelling of what an operator wrote. */
function keyed(written: string): string {
  const key = keyOfText(written);
  if (key === undefined) throw new TypeError(`${JSON.stringify(written)} is neither an address nor @domain`);
  return key;
}

function within<T>(path: string, then: (list: SuppressionList) => T): T {
  if (!existsSync(path))
    throw new TypeError(`there is no list at ${path}: it is made when the server starts`);
  const list = new SuppressionList(openDatabase(path));
  try {
    return then(list);
  } finally {
    list.close();
  }
}
