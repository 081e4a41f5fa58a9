// Chance from the operating system, drawn in stock: identifiers and jitter need no system call each.

import { randomFillSync } from 'node:crypto';
import type { Chance } from '../../contract/index.ts';

const STOCK = 1024;

export function systemChance(): Chance {
  const stock = new Uint32Array(STOCK);
  let left = 0;
  return {
    next(): number {
      if (left === 0) {
        randomFillSync(stock);
        left = STOCK;
      }
      left -= 1;
      return (stock[left] as number) / 2 ** 32;
    },
  };
}
