import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  describeStatus,
  isEnhancedStatus,
  isPermanentStatus,
  isSuccessStatus,
  isTransientStatus,
} from '../../src/smtp/index.ts';

test('a status is class, subject and detail of one to three digits without leading zeros', () => {
  for (const good of ['2.0.0', '4.4.2', '5.7.26', '5.999.999'])
    assert.equal(isEnhancedStatus(good), true, good);
  for (const bad of [
    '',
    '5',
    '5.1',
    '3.0.0',
    '5.01.1',
    '5.1.01',
    '5.1.1000',
    '5.1.1.1',
    ' 5.1.1',
    '5.1.1\n',
    '5.-1.0',
  ]) {
    assert.equal(isEnhancedStatus(bad), false, JSON.stringify(bad));
  }
});

test('each class knows only its own', () => {
  assert.deepEqual(['2.1.5', '4.1.5', '5.1.5'].map(isSuccessStatus), [true, false, false]);
  assert.deepEqual(['2.1.5', '4.1.5', '5.1.5'].map(isTransientStatus), [false, true, false]);
  assert.deepEqual(['2.1.5', '4.1.5', '5.1.5'].map(isPermanentStatus), [false, false, true]);
});

test('a status is described as the registry has it, an unregistered one by its subject', () => {
  assert.equal(describeStatus('5.1.1'), 'Bad destination mailbox address');
  assert.equal(describeStatus('4.2.2'), 'Mailbox full');
  assert.equal(describeStatus('5.7.777'), 'Other or undefined security status');
  assert.equal(describeStatus('5.99.1'), 'Other undefined status');
});
