// The transaction: MAIL, RCPT, DATA, the message and its end; BDAT; and several recipients.

import type { Row } from './stage.ts';
import { says, stall, stallFor } from './stall.ts';

const people = ['x', 'b', 'y', 'c'].map((name) => `${name}@b.example`);
const LARGE = `${'x'.repeat(998)}\r\n`.repeat(8000);

function rcpt(replies: Readonly<Record<string, string>>): (line: string) => string {
  return (line) => replies[line.charAt('RCPT TO:<'.length)] ?? '250 ok';
}

export const MAIL: readonly Row[] = [
  { when: '`550 5.7.1` to MAIL', hops: { mx1: { MAIL: '550 5.7.1 not you' } } },
  { when: '`550 5.1.8` to MAIL', hops: { mx1: { MAIL: '550 5.1.8 no such sender domain' } } },
  { when: '`530 5.7.0` to MAIL', hops: { mx1: { MAIL: '530 5.7.0 log in first' } } },
  { when: '`552 5.3.4` to MAIL', hops: { mx1: { MAIL: '552 5.3.4 too big' } } },
  { when: '`555` to MAIL', hops: { mx1: { MAIL: '555 parameters not known' } } },
  { when: '`451 4.3.0` to MAIL', hops: { mx1: { MAIL: '451 4.3.0 later' } } },
  { when: '`452` to MAIL', hops: { mx1: { MAIL: '452 disk full' } } },
  { when: '`421` to MAIL', hops: { mx1: { MAIL: '421 4.7.0 enough' } } },
  { when: '`421` to MAIL, the second takes it', hops: { mx1: { MAIL: '421 no' }, mx2: {} } },
  { when: '`550` to MAIL at the first of two', hops: { mx1: { MAIL: '550 5.7.1 no' }, mx2: {} } },
  { when: 'dropped at MAIL', hops: { mx1: { MAIL: 'DROP' } } },
  { when: 'dropped at MAIL, the second takes it', hops: { mx1: { MAIL: 'DROP' }, mx2: {} } },
  { when: 'no reply to MAIL within 5m', hops: { mx1: { MAIL: 'SILENCE' } }, during: stall },
  { when: 'the reply to MAIL takes 4m', hops: { mx1: { MAIL: 'SILENCE' } }, during: says('250 at last', 4) },
  { when: '`354` to MAIL', hops: { mx1: { MAIL: '354 go on' } } },
];

export const RCPT: readonly Row[] = [
  { when: '`550 5.1.1` to RCPT', hops: { mx1: { RCPT: '550 5.1.1 no such user' } } },
  { when: '`550` to RCPT, without a status', hops: { mx1: { RCPT: '550 unknown' } } },
  { when: '`550 5.2.1` to RCPT', hops: { mx1: { RCPT: '550 5.2.1 disabled' } } },
  { when: '`551` to RCPT', hops: { mx1: { RCPT: '551 not here' } } },
  { when: '`553` to RCPT', hops: { mx1: { RCPT: '553 what a name' } } },
  { when: '`556` to RCPT', hops: { mx1: { RCPT: '556 5.1.10 null MX' } } },
  { when: '`251` to RCPT', hops: { mx1: { RCPT: '251 will forward' } } },
  { when: '`252` to RCPT', hops: { mx1: { RCPT: '252 will try' } } },
  { when: 'the mailbox is full: `552 5.2.2` to RCPT', hops: { mx1: { RCPT: '552 5.2.2 over quota' } } },
  { when: 'the mailbox is full: `452 4.2.2` to RCPT', hops: { mx1: { RCPT: '452 4.2.2 over quota' } } },
  { when: '`451 4.7.1` to RCPT', hops: { mx1: { RCPT: '451 4.7.1 later' } } },
  {
    when: 'greylisted: `450 4.2.0` to RCPT, then taken',
    hops: { mx1: (connection) => (connection === 1 ? { RCPT: '450 4.2.0 greylisted' } : {}) },
    attempts: 2,
  },
  {
    when: 'greylisted for 5m, taken at the third attempt',
    hops: { mx1: (connection) => (connection < 3 ? { RCPT: '451 4.7.1 greylisted' } : {}) },
    attempts: 3,
  },
  { when: '`450` to RCPT at the first of two', hops: { mx1: { RCPT: '450 later' }, mx2: {} } },
  { when: '`421` to RCPT', hops: { mx1: { RCPT: '421 4.7.0 enough' } } },
  { when: '`421` to RCPT, the second takes it', hops: { mx1: { RCPT: '421 no' }, mx2: {} } },
  { when: 'dropped at RCPT', hops: { mx1: { RCPT: 'DROP' } } },
  { when: 'no reply to RCPT within 5m', hops: { mx1: { RCPT: 'SILENCE' } }, during: stall },
  { when: 'the reply to RCPT takes 4m', hops: { mx1: { RCPT: 'SILENCE' } }, during: says('250 at last', 4) },
];

export const DATA: readonly Row[] = [
  { when: '`554 5.7.1` to DATA', hops: { mx1: { DATA: '554 5.7.1 no' } } },
  { when: '`451` to DATA', hops: { mx1: { DATA: '451 later' } } },
  { when: '`452` to DATA', hops: { mx1: { DATA: '452 full' } } },
  { when: '`421` to DATA', hops: { mx1: { DATA: '421 enough' } } },
  { when: 'dropped at DATA', hops: { mx1: { DATA: 'DROP' } } },
  { when: 'dropped at DATA, the second takes it', hops: { mx1: { DATA: 'DROP' }, mx2: {} } },
  { when: 'no reply to DATA within 2m', hops: { mx1: { DATA: 'SILENCE' } }, during: stallFor(2) },
  { when: '`250` to DATA', hops: { mx1: { DATA: '250 what?' } } },
  { when: 'dropped in the middle of the message', hops: { mx1: { early: 'DROP' } } },
  { when: '`552 5.3.4` in the middle of the message', hops: { mx1: { early: '552 5.3.4 too big' } } },
  {
    when: 'reads no more of a large message',
    hops: { mx1: { keywords: [], stopsReading: true } },
    body: LARGE,
    during: stallFor(10),
  },
  { when: '`554 5.6.0` to the message', hops: { mx1: { message: '554 5.6.0 spam' } } },
  { when: '`550 5.7.26` to the message', hops: { mx1: { message: '550 5.7.26 unauthenticated' } } },
  { when: '`552 5.2.2` to the message', hops: { mx1: { message: '552 5.2.2 over quota' } } },
  {
    when: '`554 5.4.6` to the message: a loop elsewhere',
    hops: { mx1: { message: '554 5.4.6 too many hops' } },
  },
  { when: '`451` to the message', hops: { mx1: { message: '451 later' } } },
  { when: '`452 4.3.1` to the message', hops: { mx1: { message: '452 4.3.1 full' } } },
  { when: '`421` to the message', hops: { mx1: { message: '421 4.3.0 going down' } } },
  { when: '`451` to the message at the first of two', hops: { mx1: { message: '451 later' }, mx2: {} } },
  { when: 'the reply to the message is lost', hops: { mx1: { message: 'DROP' } } },
  {
    when: 'the reply to the message is lost at the first of two',
    hops: { mx1: { message: 'DROP' }, mx2: {} },
  },
  {
    when: 'the reply to the message is lost, the next attempt is taken',
    hops: { mx1: (connection) => (connection === 1 ? { message: 'DROP' } : {}) },
    attempts: 2,
  },
  { when: 'no reply to the message within 10m', hops: { mx1: { message: 'SILENCE' } }, during: stallFor(10) },
  {
    when: 'the reply to the message takes 9m',
    hops: { mx1: { message: 'SILENCE' } },
    during: says('250 at last', 9),
  },
];

const chunks = {
  binary: true,
  mailParameters: ' BODY=BINARYMIME',
} as const;
const takesChunks = ['PIPELINING', 'CHUNKING', 'BINARYMIME'];
const takesText = ['PIPELINING', 'CHUNKING'];

export const BDAT: readonly Row[] = [
  { when: 'the chunk is taken', hops: { mx1: { keywords: takesChunks } }, ...chunks },
  {
    when: '`552 5.3.4` to BDAT',
    hops: { mx1: { keywords: takesChunks, BDAT: '552 5.3.4 too big' } },
    ...chunks,
  },
  { when: '`451` to BDAT', hops: { mx1: { keywords: takesChunks, BDAT: '451 later' } }, ...chunks },
  { when: '`421` to BDAT', hops: { mx1: { keywords: takesChunks, BDAT: '421 enough' } }, ...chunks },
  { when: 'dropped at BDAT', hops: { mx1: { keywords: takesChunks, BDAT: 'DROP' } }, ...chunks },
  {
    when: 'no reply to BDAT within 10m',
    hops: { mx1: { keywords: takesChunks, BDAT: 'SILENCE' } },
    during: stallFor(10),
    ...chunks,
  },
  { when: 'a text, CHUNKING is offered', hops: { mx1: { keywords: takesText } } },
  {
    when: '`550 5.1.1` to RCPT, CHUNKING is offered',
    hops: { mx1: { keywords: takesText, RCPT: '550 5.1.1 no' } },
  },
  {
    when: '`554 5.6.0` to a text in BDAT',
    hops: { mx1: { keywords: takesText, BDAT: '554 5.6.0 no' } },
  },
  {
    when: 'the reply to a text in BDAT is lost at the first of two',
    hops: { mx1: { keywords: takesText, BDAT: 'DROP' }, mx2: {} },
  },
  {
    when: '`502` to a text in BDAT, which goes by DATA then',
    hops: { mx1: { keywords: takesText, BDAT: '502 5.5.1 what?' } },
  },
];

export const RECIPIENTS: readonly Row[] = [
  {
    when: 'one refused, one deferred, two taken',
    hops: { mx1: { RCPT: rcpt({ x: '550 5.1.1 no', y: '450 4.2.0 later' }) } },
    to: people,
  },
  {
    when: 'all refused, each in its own way',
    hops: { mx1: { RCPT: rcpt({ x: '550 5.1.1 no', y: '552 5.2.2 full' }) } },
    to: ['x@b.example', 'y@b.example'],
  },
  {
    when: 'one full for now, one full for good',
    hops: { mx1: { RCPT: rcpt({ x: '452 4.2.2 full', y: '552 5.2.2 full' }) } },
    to: ['x@b.example', 'y@b.example'],
  },
  {
    when: 'one refused, then `421`; the second takes the others',
    hops: { mx1: { RCPT: rcpt({ x: '550 5.1.1 no', b: '421 enough' }) }, mx2: {} },
    to: people,
  },
  {
    when: 'one refused, and the reply to the message is lost',
    hops: { mx1: { RCPT: rcpt({ x: '550 5.1.1 no' }), message: 'DROP' } },
    to: ['x@b.example', 'b@b.example'],
  },
  {
    when: 'one refused, and `554 5.7.1` to the message',
    hops: { mx1: { RCPT: rcpt({ x: '550 5.1.1 no' }), message: '554 5.7.1 spam' } },
    to: ['x@b.example', 'b@b.example'],
  },
  {
    when: 'one deferred, later taken',
    hops: { mx1: (connection) => (connection === 1 ? { RCPT: rcpt({ x: '450 4.2.0 no' }) } : {}) },
    to: ['x@b.example', 'b@b.example'],
    attempts: 2,
  },
];
