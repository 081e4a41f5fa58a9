// A milter in a whole house: what it hears of a session, and what its answers become.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, openHouse } from '@posthouse/core/testing';
import checkMilter from '../src/index.ts';
import { UNANSWERED, UNWANTED } from '../src/protocol.ts';
import { answer, CONTINUE, type Script, scriptedMilter, type Terms, uint32 } from './scripted-milter.ts';

const claims = definePlugin({
  name: 'claims',
  setup: () => ({
    hooks: {
      'on-rcpt': ({ recipient }) =>
        recipient.local === 'nobody' ? Verdict.reject('5.1.1', 'No such user') : Verdict.accept(),
    },
  }),
});

type Milters = Parameters<typeof checkMilter>[0];

async function house(configure: Milters, mode: 'enforce' | 'observe' = 'enforce') {
  const far = deliverMemory();
  const opened = await openHouse({
    plugins: [{ use: checkMilter(configure), mode }, claims(), far],
  });
  return Object.assign(opened, { far });
}

const GREETING = ['S: 220 *', 'C: EHLO client.example', 'S: 250-*', 'S: 250 *'];
const MAIL = ['C: MAIL FROM:<ann@client.example> SIZE=99 BODY=8BITMIME', 'S: 250 *'];
const RCPT = ['C: RCPT TO:<bob@house.example>', 'S: 250 *'];
const DATA = [
  'C: DATA',
  'S: 354 *',
  'C: Subject:  two  spaces',
  'C: X-Folded: a',
  'C: \tb',
  'C: X-None:c',
  'C:',
  'C: Hello',
  'C: .',
];
const QUIT = ['C: QUIT', 'S: 221 *'];

test('a milter hears the whole session, in its order and in its own octets', async () => {
  await using milter = await scriptedMilter();
  await using opened = await house({ milters: [{ at: milter.at }] });
  const gone = milter.hears('Q');
  await opened.talk(
    [
      ...GREETING,
      ...MAIL,
      'C: RCPT TO:<nobody@house.example>',
      'S: 550 *',
      ...RCPT,
      ...DATA,
      'S: 250 *',
      ...QUIT,
    ].join('\n'),
  );
  await gone;
  assert.deepEqual(milter.told.slice(1), [
    'H:client.example|',
    'M:<ann@client.example>|SIZE=99|BODY=8BITMIME|',
    'R:<bob@house.example>|',
    'T:',
    'L:Subject|  two  spaces|',
    'L:X-Folded| a\n\tb|',
    'L:X-None|c|',
    'N:',
    'B:Hello\r\n',
    'E:',
    'Q:',
  ]);
  // Between the family and the address stand two octets of port.
  assert.match(milter.told[0] as string, /^C:\[192\.0\.2\.1\]\|4..192\.0\.2\.1\|$/s);
  assert.equal(milter.macros('C').j, 'house.example');
  assert.equal(milter.macros('C')['{daemon_name}'], 'mx');
  assert.equal(milter.macros('M')['{mail_addr}'], 'ann@client.example');
  assert.equal(milter.macros('R')['{rcpt_addr}'], 'bob@house.example');
  assert.ok((milter.macros('E').i ?? '').length > 0);
});

test('a milter without a taste for leading space gets values without, and the message stays as it came', async () => {
  await using milter = await scriptedMilter(undefined, { steps: 0 });
  await using opened = await house({ milters: [{ at: milter.at }] });
  await opened.talk([...GREETING, ...MAIL, ...RCPT, ...DATA, 'S: 250 *'].join('\n'));
  assert.deepEqual(
    milter.told.filter((each) => each.startsWith('L')),
    ['L:Subject| two  spaces|', 'L:X-Folded|a\n\tb|', 'L:X-None|c|'],
  );
  const [message] = await opened.far.delivered(1);
  assert.ok(
    message?.content.endsWith('Subject:  two  spaces\r\nX-Folded: a\r\n\tb\r\nX-None:c\r\n\r\nHello\r\n'),
  );
});

test('what a milter does not want to hear is not said, and what it does not answer is not waited for', async () => {
  const all = (bits: Readonly<Record<string, number>>) => Object.values(bits).reduce((a, b) => a | b, 0);
  const silent: Script = ({ letter }) => ('OE'.includes(letter) ? undefined : []);
  for (const [steps, told] of [
    [all(UNWANTED), 'E'],
    [all(UNANSWERED), 'CHMRTLLLNBE'],
  ] as const) {
    await using milter = await scriptedMilter(silent, { steps });
    await using opened = await house({ milters: [{ at: milter.at }] });
    await opened.talk([...GREETING, ...MAIL, ...RCPT, ...DATA, 'S: 250 *'].join('\n'));
    assert.equal(milter.told.map((each) => each[0]).join(''), told);
  }
});

test('RSET and a second message: the first is aborted, the session is told once', async () => {
  await using milter = await scriptedMilter();
  await using opened = await house({ milters: [{ at: milter.at }] });
  await opened.talk(
    [...GREETING, ...MAIL, ...RCPT, 'C: RSET', 'S: 250 *', ...MAIL, ...RCPT, ...DATA, 'S: 250 *'].join('\n'),
  );
  assert.equal(milter.told.map((each) => each[0]).join(''), 'CHMRAMRTLLLNBE');
});

test('a milter names the macros that it wants, and the configuration gives values', async () => {
  const macros = [uint32(2), Buffer.from('{daemon_name}, {own} {mail_host} constructor\0')];
  await using milter = await scriptedMilter(undefined, { actions: 0x17f, macros });
  await using opened = await house({
    milters: [{ at: milter.at }],
    values: { '{daemon_name}': 'ORIGINATING', own: 'yes' },
    macros: { helo: ['j'] },
  });
  await opened.talk([...GREETING, ...MAIL].join('\n'));
  assert.deepEqual(milter.macros('M'), {
    '{daemon_name}': 'ORIGINATING',
    '{own}': 'yes',
    '{mail_host}': 'client.example',
  });
  assert.deepEqual(milter.macros('H'), { j: 'house.example' });
});

const at = (letter: string, ...frames: readonly Buffer[]): Script => {
  return (heard) => (heard.letter === letter ? frames : undefined);
};
const DIALOGUE = [...GREETING, ...MAIL, ...RCPT, ...DATA];

const refusals: readonly (readonly [what: string, script: Script, lines: readonly string[]])[] = [
  ['rejects the client', at('C', answer('r')), ['S: 554 5.7.1 Refused by policy']],
  ['rejects HELO', at('H', answer('r')), [...GREETING, MAIL[0] as string, 'S: 550 5.7.1 Refused by policy']],
  ['defers MAIL', at('M', answer('t')), [...GREETING, MAIL[0] as string, 'S: 451 4.7.1 *']],
  [
    'rejects a recipient in its own words',
    at('R', answer('y', '550 5.1.1 Unheard of\0')),
    [...GREETING, ...MAIL, RCPT[0] as string, 'S: 550 5.1.1 Unheard of'],
  ],
  ['rejects a field', at('L', answer('r')), [...DIALOGUE, 'S: 550 5.7.1 *']],
  ['defers the body', at('B', answer('y', '452 4.2.2 Full\0')), [...DIALOGUE, 'S: 452 4.2.2 Full']],
  ['rejects the message', at('E', answer('r')), [...DIALOGUE, 'S: 550 5.7.1 *']],
  ['says 421', at('M', answer('y', '421 4.7.0 Go\0')), [...GREETING, MAIL[0] as string, 'S: 421 4.7.0 Go']],
  ['shuts down', at('E', answer('4')), [...DIALOGUE, 'S: 421 *']],
];
for (const [what, script, lines] of refusals) {
  test(`a milter that ${what}`, async () => {
    await using milter = await scriptedMilter(script);
    await using opened = await house({ milters: [{ at: milter.at, name: 'm' }] });
    await opened.talk(lines.join('\n'));
    assert.equal(opened.events('message-queued').length, 0);
  });
  test(`a milter that ${what} is only observed`, async () => {
    await using milter = await scriptedMilter(script);
    await using opened = await house({ milters: [{ at: milter.at, name: 'm' }] }, 'observe');
    await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
    const given = opened.events('verdict-given').filter(({ plugin }) => plugin === 'check-milter');
    assert.deepEqual(
      given.filter(({ verdict }) => verdict !== 'continue').map(({ applied }) => applied),
      [false],
    );
  });
}

for (const letter of ['M', 'R', 'T', 'L', 'N', 'B', 'E']) {
  test(`a milter that discards at ${letter}: 250, and nothing is kept`, async () => {
    await using milter = await scriptedMilter(at(letter, answer('d')));
    await using opened = await house({ milters: [{ at: milter.at, name: 'm' }] });
    await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
    assert.equal(opened.events('message-discarded')[0]?.reason, 'milter.m.discard');
    assert.equal(opened.events('message-queued').length, 0);
  });
}

for (const [letter, told] of [
  ['C', 'C'],
  ['H', 'CH'],
  ['M', 'CHM'],
  ['R', 'CHMR'],
  ['L', 'CHMRTL'],
] as const) {
  test(`a milter that accepts at ${letter} is not told more of it`, async () => {
    await using milter = await scriptedMilter(at(letter, answer('a')));
    await using opened = await house({ milters: [{ at: milter.at }] });
    await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
    assert.equal(milter.told.map((each) => each[0]).join(''), told);
  });
}

test('a milter that has seen enough of the body is spared the rest', async () => {
  await using milter = await scriptedMilter(at('B', answer('s')));
  await using opened = await house({ milters: [{ at: milter.at }] });
  const long = Array.from({ length: 2_000 }, () => `C: ${'x'.repeat(100)}`);
  await opened.talk([...DIALOGUE.slice(0, -1), ...long, 'C: .', 'S: 250 *'].join('\n'));
  assert.equal(milter.told.filter((each) => each.startsWith('B')).length, 1);
  assert.equal(milter.told.at(-1), 'E:');
});

/** The answers at the end of a message. */
async function changed(frames: readonly Buffer[], terms: Terms = {}) {
  await using milter = await scriptedMilter(at('E', ...frames, CONTINUE), terms);
  await using opened = await house({ milters: [{ at: milter.at, name: 'm' }] });
  await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
  const discarded = opened.events('message-discarded');
  const [queued] = opened.events('message-queued');
  const messages = queued === undefined || queued.held ? [] : await opened.far.delivered(1);
  return { discarded, queued, message: messages[0], verdicts: opened.events('verdict-given') };
}

test('fields are put on top, folded as the milter folds them, changed and taken out', async () => {
  const { message, verdicts } = await changed([
    answer('h', 'X-A\0one\0'),
    answer('h', 'X-B\0two\n\tlines\0'),
    answer('i', uint32(0), 'X-First\0top\0'),
    answer('m', uint32(1), 'Subject\0new\0'),
    answer('m', uint32(1), 'X-None\0\0'),
    answer('p'),
  ]);
  const [top, rest] = (message?.content ?? '').split('Received: ') as [string, string];
  assert.equal(top, 'X-First: top\r\nX-A: one\r\nX-B: two\r\n\tlines\r\n');
  assert.ok(rest.endsWith('\r\nSubject: new\r\nX-Folded: a\r\n\tb\r\n\r\nHello\r\n'), rest);
  assert.ok(verdicts.some(({ reason }) => reason === 'milter.m.changed'));
});

test('the body is replaced', async () => {
  const { message } = await changed([answer('b', 'Other '), answer('b', 'words\r\n')]);
  assert.ok(message?.content.endsWith('\r\n\r\nOther words\r\n'), message?.content);
});

test('recipients are added and taken off, and the sender is changed', async () => {
  const { message, queued } = await changed([
    answer('+', '<trap@house.example>\0'),
    answer('-', '<bob@house.example>\0'),
    answer('e', '<other@client.example>\0'),
  ]);
  assert.deepEqual(message?.recipients, ['trap@house.example']);
  assert.equal(queued?.sender, 'other@client.example');
});

test('a message is quarantined', async () => {
  const { queued, message } = await changed([answer('q', 'odd\0')]);
  assert.equal(queued?.held, true);
  assert.equal(message, undefined);
});

test('each milter sees what those before it have changed', async () => {
  await using first = await scriptedMilter(
    at(
      'E',
      answer('h', 'X-A\0one\0'),
      answer('m', uint32(1), 'Subject\0new\0'),
      answer('b', 'Other\r\n'),
      CONTINUE,
    ),
  );
  await using second = await scriptedMilter(at('E', answer('m', uint32(1), 'X-A\0two\0'), CONTINUE));
  await using opened = await house({ milters: [{ at: first.at }, { at: second.at }] });
  await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
  assert.deepEqual(
    second.told.filter((each) => 'LB'.includes(each[0] as string)),
    ['L:X-A| one|', 'L:Subject| new|', 'L:X-Folded| a\n\tb|', 'L:X-None|c|', 'B:Other\r\n'],
  );
  const [message] = await opened.far.delivered(1);
  assert.match(message?.content ?? '', /^X-A: two\r\nReceived: [\s\S]*\r\n\r\nOther\r\n$/);
});

test('where a later milter rejects, nothing of what the first wanted is done', async () => {
  await using first = await scriptedMilter(at('E', answer('+', 'trap@house.example\0'), CONTINUE));
  await using second = await scriptedMilter(at('E', answer('r')));
  await using opened = await house({ milters: [{ at: first.at }, { at: second.at }] });
  await opened.talk([...DIALOGUE, 'S: 550 5.7.1 *'].join('\n'));
  assert.equal(opened.events('message-queued').length, 0);
});

test('asked from the end of the message on, a milter hears all of it then, and refuses for each recipient', async () => {
  await using milter = await scriptedMilter(({ letter, text }) =>
    letter === 'R' && text.startsWith('<carl') ? [answer('y', '550 5.7.1 Not carl\0')] : undefined,
  );
  await using opened = await house({ milters: [{ at: milter.at, from: 'data' }] });
  await opened.talk(
    [...GREETING, ...MAIL, ...RCPT, 'C: RCPT TO:<carl@house.example>', 'S: 250 *', ...DATA, 'S: 250 *'].join(
      '\n',
    ),
  );
  assert.equal(milter.told.map((each) => each[0]).join(''), 'CHMRRTLLLNBE');
  assert.deepEqual((await opened.far.delivered(1))[0]?.recipients, ['bob@house.example']);
});

test('an observed milter changes nothing, and its wishes stand in the notes', async () => {
  await using milter = await scriptedMilter(at('E', answer('h', 'X-A\0one\0'), CONTINUE));
  await using opened = await house({ milters: [{ at: milter.at, name: 'm' }] }, 'observe');
  await opened.talk([...DIALOGUE, 'S: 250 *'].join('\n'));
  assert.doesNotMatch((await opened.far.delivered(1))[0]?.content ?? '', /X-A/);
  const given = opened.events('verdict-given').filter(({ plugin }) => plugin === 'check-milter');
  assert.ok(given.some(({ reason, applied }) => reason === 'milter.m.changed' && !applied));
});
