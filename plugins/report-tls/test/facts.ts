// What deliver-smtp says of a connection, for tests.

import type { Attempted } from '../src/row.ts';

export const STS = {
  type: 'sts',
  domain: 'a.example',
  strings: ['version: STSv1', 'mode: enforce', 'mx: *.a.example', 'max_age: 86400'],
  hosts: ['*.a.example'],
} as const;

export function facts(over: Partial<Attempted> = {}): Attempted {
  return {
    transport: 'deliver-smtp',
    destination: 'a.example',
    domain: 'a.example',
    host: 'mx.a.example',
    address: '192.0.2.25',
    port: 25,
    localAddress: '198.51.100.1',
    published: STS,
    result: 'success',
    ...over,
  };
}
