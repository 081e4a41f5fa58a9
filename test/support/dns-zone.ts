// A DNS server on loopback that answers from a few lines of a zone: `b.example MX 10 mx1.b.example`. In place of the data
// `SERVFAIL` and `SILENCE` say what it does instead. Aliases are followed within the answer, as resolvers do.

import { createSocket } from 'node:dgram';
import { type Answer, AUTHENTIC_DATA, decode, encode } from 'dns-packet';

type Type = 'A' | 'AAAA' | 'MX' | 'CNAME' | 'TXT' | 'PTR' | 'TLSA';
type Entry = Answer | 'SERVFAIL' | 'SILENCE';

export interface DnsZone extends AsyncDisposable {
  /** `127.0.0.1:port`, as the configuration takes it. */
  readonly server: string;
  /** From now on these lines are all that there is; where they are `signed`, every answer is authentic (AD). */
  hold(lines: readonly string[], signed?: boolean): void;
}

const SERVFAIL = 2;
const NXDOMAIN = 3;

export async function dnsZone(): Promise<DnsZone> {
  let zone: ReadonlyMap<string, readonly Entry[]> = new Map();
  let authentic = 0;
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { id, questions = [] } = decode(query);
    const [question] = questions;
    const found = answersTo(zone, String(question?.type), question?.name.toLowerCase() ?? '');
    if (found === 'SILENCE') return;
    const code = typeof found === 'string' ? (found === 'SERVFAIL' ? SERVFAIL : NXDOMAIN) : 0;
    const flags = code | authentic;
    const answers = typeof found === 'string' ? [] : [...found];
    socket.send(encode({ type: 'response', id, flags, questions, answers }), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    hold(lines, signed = false) {
      zone = parseZone(lines);
      authentic = signed ? AUTHENTIC_DATA : 0;
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function parseZone(lines: readonly string[]): ReadonlyMap<string, readonly Entry[]> {
  const zone = new Map<string, Entry[]>();
  for (const line of lines) {
    const [name = '', type = '', ...data] = line.split(' ');
    const key = `${type} ${name}`;
    zone.set(key, [...(zone.get(key) ?? []), entryOf(name, type as Type, data)]);
  }
  return zone;
}

function entryOf(name: string, type: Type, data: readonly string[]): Entry {
  const [first = '', second = ''] = data;
  if (first === 'SERVFAIL' || first === 'SILENCE') return first;
  if (type === 'MX') return { type, name, data: { preference: Number(first), exchange: second } };
  // RFC 6698 §2.2: usage, selector and matching type, then the data in hexadecimal.
  if (type === 'TLSA') {
    const [usage, selector, matchingType] = data.map(Number);
    const certificate = Buffer.from(data[3] ?? '', 'hex');
    return { type, name, data: { usage, selector, matchingType, certificate } } as unknown as Answer;
  }
  const text = data.join(' ');
  // RFC 1035 §3.3.14: a string of TXT has 255 octets at most.
  if (type === 'TXT') return { type, name, data: text.match(/.{1,255}/gs) ?? [''] };
  return { type, name, data: text };
}

function answersTo(
  zone: ReadonlyMap<string, readonly Entry[]>,
  type: string,
  name: string,
): readonly Answer[] | 'SERVFAIL' | 'SILENCE' | 'NXDOMAIN' {
  const entries = zone.get(`${type} ${name}`);
  const alias = zone.get(`CNAME ${name}`)?.[0];
  if (entries !== undefined) {
    const trouble = entries.find((entry) => typeof entry === 'string');
    return trouble ?? (entries as readonly Answer[]);
  }
  if (alias !== undefined && typeof alias !== 'string') {
    const followed = answersTo(zone, type, String('data' in alias ? alias.data : ''));
    return typeof followed === 'string' ? followed : [alias, ...followed];
  }
  return [...zone.keys()].some((key) => key.endsWith(` ${name}`)) ? [] : 'NXDOMAIN';
}
