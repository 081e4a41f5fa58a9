import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HeloFault, heloFault } from '../src/helo.ts';

const whose = {
  remoteAddress: '192.0.2.1',
  localAddress: '198.51.100.1',
  ownNames: new Set(['house.example']),
};

const table: readonly (readonly [helo: string, fault: HeloFault | undefined])[] = [
  ['client.example', undefined],
  ['Client.Example.', undefined],
  ['under_score.example', undefined],
  ['bücher.example', undefined],
  ['client', 'unqualifiedHelo'],
  ['localhost', 'unqualifiedHelo'],
  ['client..example', 'invalidHelo'],
  ['-client.example', 'invalidHelo'],
  ['cli ent.example', 'invalidHelo'],
  ['<script>', 'invalidHelo'],
  ['', 'invalidHelo'],
  ['192.0.2.1', 'invalidHelo'],
  ['2001:db8::1', 'invalidHelo'],
  ['198.51.100.1', 'ownHelo'],
  ['[198.51.100.1]', 'ownHelo'],
  ['HOUSE.example', 'ownHelo'],
  ['[192.0.2.1]', undefined],
  ['[203.0.113.5]', 'foreignLiteral'],
  ['[IPv6:2001:db8::1]', 'foreignLiteral'],
  ['[no address]', 'invalidHelo'],
];
for (const [helo, fault] of table) {
  test(`HELO ${JSON.stringify(helo)}: ${fault ?? 'nothing is wrong'}`, () => {
    assert.equal(heloFault(helo, whose), fault);
  });
}

test('an IPv6 client may write its address in any spelling', () => {
  const six = { ...whose, remoteAddress: '2001:db8::1' };
  assert.equal(heloFault('[IPv6:2001:0DB8:0:0::0001]', six), undefined);
  assert.equal(heloFault('[192.0.2.1]', { ...whose, remoteAddress: '::ffff:192.0.2.1' }), undefined);
});
