// Which country an address is in, from a CSV as DB-IP, IP2Location LITE and others give it away: `network,country` or
// `first,last,country`. Kept in flat arrays and found by halving: half a million lines take ten megabytes.

import { isIP } from 'node:net';
import { unmapped } from '@posthouse/core';

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly country: string;
}

export class Countries {
  readonly #four: Ranges;
  readonly #six: Ranges;

  private constructor(four: readonly Range[], six: readonly Range[]) {
    this.#four = new Ranges(four);
    this.#six = new Ranges(six);
  }

  /** @returns the countries, or the lines that cannot be read (ten of them) */
  static read(text: string, name: string): Countries | readonly string[] {
    const ranges: { readonly 4: Range[]; readonly 6: Range[] } = { 4: [], 6: [] };
    const problems: string[] = [];
    for (const [index, raw] of text.split(/\r?\n/).entries()) {
      const cells = raw.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
      // A header line begins with a word.
      if (
        raw.trim() === '' ||
        raw.startsWith('#') ||
        (index === 0 && isIP(cells[0]?.split('/')[0] ?? '') === 0)
      )
        continue;
      const range = rangeOf(cells);
      if (range === undefined) {
        if (problems.length < 10)
          problems.push(`${name}:${index + 1} expected "network,country" or "first,last,country"`);
      } else ranges[range.version].push(range);
    }
    return problems.length > 0 ? problems : new Countries(ranges[4], ranges[6]);
  }

  /** In two capital letters. */
  of(address: string): string | undefined {
    const plain = unmapped(address.replace(/%.*$/, ''));
    const version = isIP(plain);
    if (version === 0) return undefined;
    return (version === 4 ? this.#four : this.#six).find(numberOf(plain));
  }
}

class Ranges {
  readonly #first: BigUint64Array;
  readonly #last: BigUint64Array;
  readonly #country: readonly string[];

  constructor(ranges: readonly Range[]) {
    const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    this.#first = BigUint64Array.from(sorted, ({ first }) => first);
    this.#last = BigUint64Array.from(sorted, ({ last }) => last);
    this.#country = sorted.map(({ country }) => country);
  }

  find(number: bigint): string | undefined {
    let low = 0;
    let high = this.#first.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#first[middle] as bigint) <= number) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    return at >= 0 && number <= (this.#last[at] as bigint) ? this.#country[at] : undefined;
  }
}

function rangeOf(cells: readonly string[]): (Range & { readonly version: 4 | 6 }) | undefined {
  const [one = '', two = '', three] = cells;
  const [address = '', prefixText] = one.split('/');
  const version = isIP(address);
  if (version === 0) return undefined;
  const country = prefixText === undefined ? three : two;
  if (country === undefined || !/^[A-Za-z]{2}$/.test(country)) return undefined;
  const first = numberOf(address);
  if (prefixText === undefined) {
    if (isIP(two) !== version) return undefined;
    return { version: version as 4 | 6, first, last: numberOf(two), country: country.toUpperCase() };
  }
  const bits = version === 4 ? 32 : 64;
  const prefix = Math.min(bits, Number(prefixText));
  if (!(prefix >= 0)) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const start = first - (first % size);
  return { version: version as 4 | 6, first: start, last: start + size - 1n, country: country.toUpperCase() };
}

/** Of IPv6 the upper half: nobody is given less than a /64. */
function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...after];
  return groups.slice(0, 4).reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
