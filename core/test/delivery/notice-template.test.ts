import assert from 'node:assert/strict';
import test from 'node:test';
import { ACTIONS } from '../../src/delivery/news.ts';
import { ENGLISH, noticeTemplates, parseNoticeTemplate } from '../../src/delivery/notice-template.ts';
import { subjectField } from '../../src/delivery/notice-text.ts';

const GOOD = 'Subject: Hallo\n\nGuten Tag,\n\n{recipients}\n\n{hostname} {sender} {arrived}\n';

test('a template is a subject and a text', () => {
  assert.deepEqual(parseNoticeTemplate(GOOD, 'failed'), {
    subject: 'Hallo',
    text: 'Guten Tag,\n\n{recipients}\n\n{hostname} {sender} {arrived}',
  });
  assert.deepEqual(
    parseNoticeTemplate(GOOD.replaceAll('\n', '\r\n'), 'failed'),
    parseNoticeTemplate(GOOD, 'failed'),
  );
});

const faults: readonly [string, string, RegExp][] = [
  ['nothing', '', /must begin with a line `Subject/],
  ['no subject', 'Hallo\n\n{recipients}', /must begin with a line `Subject/],
  ['an empty subject', 'Subject:\n\n{recipients}', /must begin with a line `Subject/],
  ['no empty line', 'Subject: x\n{recipients}', /must have an empty line/],
  ['no recipients', 'Subject: x\n\nHallo', /must have a line `\{recipients\}`/],
  ['recipients in mid-line', 'Subject: x\n\nto {recipients}', /must have a line `\{recipients\}`/],
  ['a placeholder in the subject', 'Subject: x {sender}\n\n{recipients}', /placeholder in its subject/],
  ['an unknown placeholder', 'Subject: x\n\n{recipients}\n{name}', /unknown placeholder \{name\}/],
  [
    'expires where nothing expires',
    'Subject: x\n\n{recipients}\n{expires}',
    /unknown placeholder \{expires\}/,
  ],
  ['a control character', 'Subject: x\n\n{recipients}\n\0', /control character/],
  ['a bare CR', 'Subject: x\rBcc: y\n\n{recipients}', /must begin with a line/],
  ['a long subject', `Subject: ${'x'.repeat(300)}\n\n{recipients}`, /more than 200/],
  ['a long text', `Subject: x\n\n{recipients}\n${'x'.repeat(20_000)}`, /longer than 16384/],
];
for (const [name, source, expected] of faults) {
  test(`a template with ${name} is refused with its reason`, () => {
    const parsed = parseNoticeTemplate(source, 'failed');
    assert.match('fault' in parsed ? parsed.fault : 'taken', expected);
  });
}

test('what the operator leaves out stays English, and the English templates are templates', () => {
  const templates = noticeTemplates({ failed: GOOD });
  assert.equal(templates.failed.subject, 'Hallo');
  assert.equal(templates.delayed, ENGLISH.delayed);
  for (const action of ACTIONS) {
    const { subject, text } = ENGLISH[action];
    assert.deepEqual(parseNoticeTemplate(`Subject: ${subject}\n\n${text}`, action), { subject, text });
  }
});

test('a subject beyond ASCII becomes encoded words of at most 75 characters that read as it', () => {
  const subject = `Ihre Nachricht konnte nicht zugestellt werden – ${'ä€😀'.repeat(20)}`;
  const field = subjectField(subject);
  const words = field.replace('Subject: ', '').split('\r\n\t');
  const decoded = words.map((word) => {
    assert.ok(word.length <= 75, word);
    const [, text = ''] = /^=\?utf-8\?B\?([A-Za-z0-9+/=]+)\?=$/.exec(word) ?? [];
    return Buffer.from(text, 'base64').toString('utf8');
  });
  assert.equal(decoded.join(''), subject);
});
