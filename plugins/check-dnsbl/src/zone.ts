// One list: what it lists, and what its answers mean (RFC 5782). Pure.

import { PosthouseError } from '@posthouse/core';
import type { Config } from './config.ts';

export type Subject = 'address' | 'helo' | 'sender' | 'link';

export interface Zone {
  readonly name: string;
  readonly of: ReadonlySet<Subject>;
  /** What answers of these addresses count; undefined when they are no listing. */
  weigh(addresses: readonly string[]): number | undefined;
}

type Octet = (value: number) => boolean;

/** Throws a PosthouseError `config-invalid`. */
export function zonesOf(config: Config['zones']): readonly Zone[] {
  return config.map((entry, index) => {
    const { zone, of, weight, answers } =
      typeof entry === 'string' ? { zone: entry, of: undefined, weight: 1, answers: undefined } : entry;
    const patterns = Object.entries(answers ?? { '127.*.*.*': weight ?? 1 }).map(([pattern, counts]) => ({
      matches: patternOf(pattern, `zones[${index}].answers`),
      counts,
    }));
    return {
      name: zone.toLowerCase().replace(/^\.|\.$/g, ''),
      of: new Set<Subject>(of ?? ['address']),
      weigh(addresses) {
        const counts = patterns
          .filter(({ matches }) =>
            addresses.some((address) => faultOf(address) === undefined && matches(address)),
          )
          .map(({ counts }) => counts);
        if (counts.length === 0) return undefined;
        // Several answers are several names for one thing: the strongest counts.
        return counts.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most));
      },
    };
  });
}

/**
 * Why an answer says nothing about who was asked for; undefined when it may be a listing. Lists answer like this when
 * the question came over a public resolver or too often, and domain parkers answer for lists that are no more.
 */
export function faultOf(address: string): string | undefined {
  // RFC 5782 §2.3: whatever a list says is in 127.0.0.0/8.
  if (!address.startsWith('127.')) return 'answers from outside 127.0.0.0/8: it may be no list any more';
  if (address.startsWith('127.255.255.'))
    return 'refuses our questions: over a public resolver, too many, or a mistake in its name';
  // RFC 5782 §5: never a listing. URIBL and SURBL answer so when they refuse.
  if (address === '127.0.0.1') return 'refuses our questions, or lists the whole world';
  return undefined;
}

/** `127.0.0.2`, each octet a number, a range `2-11`, a bit `&8` or `*`. */
function patternOf(text: string, where: string): (address: string) => boolean {
  const octets = text.split('.').map(octetOf);
  if (octets.length !== 4 || octets.some((octet) => octet === undefined))
    throw new PosthouseError(
      'config-invalid',
      `${where} "${text}" is no answer of a list; write it as 127.0.0.2, 127.0.0.2-11, 127.0.*.3 or 127.0.0.&8`,
    );
  return (address) => {
    const values = address.split('.').map(Number);
    return octets.every((octet, index) => octet?.(values[index] ?? -1));
  };
}

function octetOf(text: string): Octet | undefined {
  if (text === '*') return () => true;
  const [, bit, from, to] = /^(?:&(\d{1,3})|(\d{1,3})(?:-(\d{1,3}))?)$/.exec(text) ?? [];
  if (bit !== undefined) return Number(bit) > 255 ? undefined : (value) => (value & Number(bit)) !== 0;
  if (from === undefined) return undefined;
  const [low, high] = [Number(from), Number(to ?? from)];
  return low > high || high > 255 ? undefined : (value) => value >= low && value <= high;
}
