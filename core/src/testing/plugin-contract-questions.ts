// The questions of the plugins' contract: what strangers may lawfully say, and most plugins forget.

import type { AskedDetails } from './mount-details.ts';

/** Keys from the wire are data: a table that is a plain object finds `constructor` in itself. */
export const ADDRESSES: readonly string[] = [
  'ann@house.example',
  'bob@elsewhere.example',
  'ANN+news@House.Example',
  '"a b\\"c"@house.example',
  'ann@[192.0.2.7]',
  'ann@[IPv6:2001:db8::7]',
  '__proto__@constructor',
  'constructor@house.example',
  'j\u00fcrgen@b\u00fccher.example',
  `${'l'.repeat(64)}@${'d'.repeat(60)}.example`,
];

const MESSAGES: readonly (readonly [what: string, message: string | Uint8Array])[] = [
  ['a message without a header section', 'Hello\r\n'],
  ['a message without a body', 'Subject: nothing\r\n'],
  ['an empty message', ''],
  ['a message that begins with an empty line', '\r\nHello\r\n'],
  ['a header section without an end', 'Subject: a\r\nnot a field\r\n b\r\n'],
  ['the same field many times', `${'From: <ann@house.example>\r\n'.repeat(1000)}\r\nHello\r\n`],
  ['a field of 60 KB', `Subject: ${'a\r\n '.repeat(12_000)}a\r\n\r\nHello\r\n`],
  ['octets that are not UTF-8', Buffer.from([0x53, 0x3a, 0x20, 0xff, 0xfe, 13, 10, 13, 10, 0xc3, 13, 10])],
  ['a body of 1 MB', `Subject: large\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(1000)}`],
];

export const QUESTIONS: readonly (readonly [what: string, details: AskedDetails])[] = [
  ['an ordinary stranger', {}],
  ['the null sender', { sender: null }],
  ['a client by IPv6', { session: { remoteAddress: '2001:db8::1', localAddress: '2001:db8::25' } }],
  ['a client of this machine', { session: { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1' } }],
  ['a client without a greeting', { session: { helo: undefined } }],
  ['a client that is an address literal', { session: { helo: '[192.0.2.1]' } }],
  ['a user', { session: { user: 'ann@house.example' }, sender: 'ann@house.example' }],
  ['a user by the name of a property', { session: { user: '__proto__' } }],
  ...ADDRESSES.map((address) => [`from ${address}`, { sender: address }] as const),
  ...ADDRESSES.map(
    (address) =>
      [`to ${address}`, { recipient: address, recipients: [address], accepted: [address] }] as const,
  ),
  ['a hundred recipients', { recipients: Array.from({ length: 100 }, (_, at) => `r${at}@house.example`) }],
  ...MESSAGES.map(([what, message]) => [what, { message }] as const),
];
