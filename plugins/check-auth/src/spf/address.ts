// Addresses as octets, so that a network holds them or not. Pure.

import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly family: 4 | 6;
  readonly octets: Uint8Array;
  readonly text: string;
}

const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0);

/** Undefined for what is no address. */
export function addressOf(text: string): Address | undefined {
  const octets = octetsOf(text);
  return octets === undefined ? undefined : { family: octets.length === 4 ? 4 : 6, octets, text };
}

/** The same for a client, of which an IPv4-mapped address is an IPv4 one (RFC 7208 §5). */
export function clientAddress(text: string): Address | undefined {
  const address = addressOf(text);
  if (address?.family !== 6 || !sameNetwork(address.octets, MAPPED, 96)) return address;
  return addressOf(address.octets.subarray(12).join('.'));
}

export function octetsOf(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  return isIPv6(text) && !text.includes('%') ? sixteen(text) : undefined;
}

/** Whether both are in one network of so many bits. */
export function sameNetwork(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  if (one.length !== other.length) return false;
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (one[index] !== other[index]) return false;
  const rest = bits & 7;
  return rest === 0 || ((one[whole] as number) ^ (other[whole] as number)) >> (8 - rest) === 0;
}

/** RFC 4291 §2.2. */
function sixteen(text: string): Uint8Array {
  const dotted = /(?<=:)[\d.]+$/.exec(text)?.[0];
  const tail = dotted?.includes('.') ? Uint8Array.from(dotted.split('.'), Number) : undefined;
  const groups =
    tail === undefined ? text : text.slice(0, -(dotted as string).length).replace(/([^:]):$/, '$1');
  const [head = '', after] = groups.split('::');
  const front = octetsOfGroups(head);
  const back = [...octetsOfGroups(after ?? ''), ...(tail ?? [])];
  const octets = new Uint8Array(16);
  octets.set(after === undefined ? [...front, ...back] : front);
  if (after !== undefined) octets.set(back, 16 - back.length);
  return octets;
}

function octetsOfGroups(groups: string): readonly number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
