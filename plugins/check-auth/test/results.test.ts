import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { saysDmarcPass } from '../src/arc.ts';
import { receivedSpf, type SpfResult } from '../src/results.ts';

describe('Received-SPF', () => {
  const facts = { client: '2001:db8::1', helo: 'mx.a.example', receiver: 'house.example' };
  const table: readonly (readonly [string, SpfResult, typeof facts, string])[] = [
    [
      'an address is quoted, names are not',
      { result: 'pass', domain: 'a.example', identity: 'mailfrom', value: 'ann@a.example' },
      facts,
      'pass (house.example: a.example has SPF pass for 2001:db8::1) client-ip="2001:db8::1"; envelope-from="ann@a.example"; helo=mx.a.example; identity=mailfrom; receiver=house.example;',
    ],
    [
      'of a bounce there is no sender',
      { result: 'none', domain: '', identity: 'helo', value: 'mx.a.example' },
      facts,
      'none (house.example: the client has SPF none for 2001:db8::1) client-ip="2001:db8::1"; helo=mx.a.example; identity=helo; receiver=house.example;',
    ],
    [
      'what a client calls itself ends no comment, no quote and no line',
      { result: 'fail', domain: 'a)b', identity: 'mailfrom', value: '"\r\nX: y' },
      { ...facts, helo: 'a"\\\r\n b' },
      'fail (house.example: a\\)b has SPF fail for 2001:db8::1) client-ip="2001:db8::1"; envelope-from="\\"??X: y"; helo="a\\"\\\\?? b"; identity=mailfrom; receiver=house.example;',
    ],
  ];
  for (const [what, spf, given, expected] of table) {
    test(what, () => assert.equal(receivedSpf(spf, given), expected));
  }
});

describe('the first sealer has seen DMARC pass', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['in its results', 'ARC-Authentication-Results: i=1; a.example; spf=fail; dmarc=pass (p=reject)', true],
    ['in any case and with blanks', 'ARC-Authentication-Results: i=1; a;\r\n DMARC = Pass', true],
    ['not where it failed', 'ARC-Authentication-Results: i=1; a; dmarc=fail', false],
    ['not in a comment', 'ARC-Authentication-Results: i=1; a (; dmarc=pass); spf=pass', false],
    [
      'not behind a comment inside a comment',
      'ARC-Authentication-Results: i=1; a (b (c) ; dmarc=pass) ;',
      false,
    ],
    ['not in a quoted string', 'ARC-Authentication-Results: i=1; a; spf=pass reason="; dmarc=pass"', false],
    ['not as part of a word', 'ARC-Authentication-Results: i=1; a; dmarc=passable; xdmarc=pass', false],
  ];
  for (const [what, field, expected] of table) {
    test(what, () => assert.equal(saysDmarcPass(field), expected));
  }
});
