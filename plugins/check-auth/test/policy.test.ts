import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Verdict } from '@posthouse/core';
import type { Config } from '../src/config.ts';
import { dispositionOf, judgementOf } from '../src/policy.ts';
import type { ArcResult, DkimResult, DmarcResult, MessageResults, SpfResult } from '../src/results.ts';

const CONFIG: Config = {
  spf: { fail: 'note', softfail: 'note', permerror: 'note', when: 'data' },
  dkim: { fail: 'note', signatures: 10, minBits: 1024 },
  dmarc: {
    reject: 'reject',
    quarantine: 'quarantine',
    none: 'note',
    unclearAuthor: 'note',
    trustedSealers: [],
  },
  temporaryErrors: 'defer',
  skip: { authenticated: true, networks: [] },
  receivedSpf: false,
  dns: { time: 8000, lookups: 100 },
};
type Sections = { readonly [K in keyof Config]?: Config[K] extends object ? Partial<Config[K]> : Config[K] };
const configured = (over: Sections): Config => ({
  ...CONFIG,
  ...over,
  spf: { ...CONFIG.spf, ...over.spf },
  dkim: { ...CONFIG.dkim, ...over.dkim },
  dmarc: { ...CONFIG.dmarc, ...over.dmarc },
  skip: CONFIG.skip,
  dns: CONFIG.dns,
});

const SPF: SpfResult = { result: 'none', domain: 'a.example', identity: 'mailfrom', value: 'a.example' };
const DKIM: DkimResult = {
  result: 'fail',
  domain: 'a.example',
  selector: 's',
  identity: '',
  algorithm: '',
  signature: '',
  reason: '',
};
const ARC: ArcResult = { result: 'none', reason: '', sealers: [], dmarcPassed: false };
const DMARC: DmarcResult = {
  result: 'none',
  from: 'a.example',
  reason: '',
  policy: 'none',
  record: '',
  policyDomain: '',
  spfAligned: false,
  dkimAligned: false,
};
interface Found {
  readonly spf?: Partial<SpfResult>;
  readonly dkim?: readonly Partial<DkimResult>[];
  readonly arc?: Partial<ArcResult>;
  readonly dmarc?: Partial<DmarcResult>;
}
const results = ({ spf, dkim = [], arc, dmarc }: Found): MessageResults => ({
  spf: { ...SPF, ...spf },
  dkim: dkim.map((one) => ({ ...DKIM, ...one })),
  arc: { ...ARC, ...arc },
  dmarc: { ...DMARC, ...dmarc },
});
const failing = (policy: DmarcResult['policy'], record = `v=DMARC1; p=${policy}`): Found => ({
  dmarc: { result: 'fail', policy, record },
});

describe('what DMARC comes to', () => {
  const table: readonly (readonly [string, Found, ReturnType<typeof dispositionOf>, Sections?, number?])[] = [
    ['a pass applies nothing', { dmarc: { result: 'pass', policy: 'reject' } }, { applied: 'none' }],
    ['p=reject rejects', failing('reject'), { applied: 'reject' }],
    ['p=quarantine quarantines', failing('quarantine'), { applied: 'quarantine' }],
    ['p=none applies nothing', failing('none'), { applied: 'none' }],
    [
      'the operator may be milder',
      failing('reject'),
      { applied: 'quarantine', override: 'local_policy' },
      { dmarc: { reject: 'quarantine' } },
    ],
    [
      'and only note',
      failing('reject'),
      { applied: 'none', override: 'local_policy' },
      { dmarc: { reject: 'note' } },
    ],
    ['pct: one of them', failing('reject', 'v=DMARC1; p=reject; pct=30'), { applied: 'reject' }, {}, 0.29],
    [
      'pct: of the others p=reject is quarantine',
      failing('reject', 'v=DMARC1; p=reject; pct=30'),
      { applied: 'quarantine', override: 'sampled_out' },
      {},
      0.3,
    ],
    [
      'pct: of the others p=quarantine is none',
      failing('quarantine', 'v=DMARC1;p=quarantine;pct=0'),
      { applied: 'none', override: 'sampled_out' },
      {},
      0,
    ],
    [
      'pct=100 is all of them',
      failing('reject', 'v=DMARC1; p=reject; PCT = 100 '),
      { applied: 'reject' },
      {},
      0.999,
    ],
    [
      'a pct that is no number counts for nothing',
      failing('reject', 'v=DMARC1; p=reject; pct=x'),
      { applied: 'reject' },
    ],
    [
      'a chain of trusted sealers that begins with a pass',
      { ...failing('reject'), arc: { result: 'pass', sealers: ['list.example'], dmarcPassed: true } },
      { applied: 'none', override: 'trusted_forwarder' },
      { dmarc: { trustedSealers: ['list.example'] } },
    ],
    [
      'a chain with a stranger in it is nobody to trust',
      {
        ...failing('reject'),
        arc: { result: 'pass', sealers: ['list.example', 'evil.example'], dmarcPassed: true },
      },
      { applied: 'reject' },
      { dmarc: { trustedSealers: ['list.example'] } },
    ],
    [
      'a chain that does not verify is none',
      { ...failing('reject'), arc: { result: 'fail', sealers: ['list.example'], dmarcPassed: true } },
      { applied: 'reject' },
      { dmarc: { trustedSealers: ['list.example'] } },
    ],
    [
      'a list that saw it fail does not help',
      { ...failing('reject'), arc: { result: 'pass', sealers: ['list.example'], dmarcPassed: false } },
      { applied: 'reject' },
      { dmarc: { trustedSealers: ['list.example'] } },
    ],
  ];
  for (const [what, found, expected, over = {}, chance = 0.5] of table) {
    test(what, () => assert.deepEqual(dispositionOf(results(found), configured(over), chance), expected));
  }
});

describe('the verdict', () => {
  const refused = Verdict.reject('5.7.26', 'DMARC: not from a.example, whose policy is reject', {
    reason: 'dmarc.fail',
  });
  const spfRefused = Verdict.reject('5.7.23', 'SPF: 192.0.2.1 may not send for a.example', {
    reason: 'spf.fail',
  });
  const table: readonly (readonly [string, Found, Verdict | undefined, Sections?])[] = [
    ['nothing is known: it passes', {}, undefined],
    ['DMARC refuses', failing('reject'), refused],
    ['DMARC quarantines', failing('quarantine'), Verdict.quarantine('dmarc.fail')],
    [
      'DMARC has no answer: later',
      { dmarc: { result: 'temperror' } },
      Verdict.defer('4.4.3', 'The policy of the author cannot be looked up, please try again later', {
        reason: 'dmarc.temperror',
      }),
    ],
    ['or on its way', { dmarc: { result: 'temperror' } }, undefined, { temporaryErrors: 'note' }],
    ['SPF alone without an answer stops nothing', { spf: { result: 'temperror' } }, undefined],
    [
      'an unclear author',
      { dmarc: { result: 'permerror' } },
      Verdict.reject('5.7.26', 'It is not clear who has written this message', {
        reason: 'dmarc.unclear-author',
      }),
      { dmarc: { unclearAuthor: 'reject' } },
    ],
    ['SPF fail is noted', { spf: { result: 'fail' } }, undefined],
    ['or refused', { spf: { result: 'fail' } }, spfRefused, { spf: { fail: 'reject' } }],
    [
      'but not where DMARC passes by DKIM',
      { spf: { result: 'fail' }, dmarc: { result: 'pass' } },
      undefined,
      { spf: { fail: 'reject' } },
    ],
    [
      'softfail',
      { spf: { result: 'softfail' } },
      Verdict.quarantine('spf.softfail'),
      { spf: { softfail: 'quarantine' } },
    ],
    [
      'permerror',
      { spf: { result: 'permerror' } },
      Verdict.reject('5.7.24', 'SPF: the policy of a.example cannot be read', { reason: 'spf.permerror' }),
      { spf: { permerror: 'reject' } },
    ],
    [
      'no good signature',
      { dkim: [{ result: 'fail' }, { result: 'neutral' }] },
      Verdict.reject('5.7.20', 'No DKIM signature of this message is good', { reason: 'dkim.fail' }),
      { dkim: { fail: 'reject' } },
    ],
    [
      'one good signature is enough',
      { dkim: [{ result: 'fail' }, { result: 'pass' }] },
      undefined,
      { dkim: { fail: 'reject' } },
    ],
    ['no signature is no failure', { dkim: [{ result: 'none' }] }, undefined, { dkim: { fail: 'reject' } }],
  ];
  for (const [what, found, expected, over = {}] of table) {
    test(what, () => {
      const config = configured(over);
      const all = results(found);
      assert.deepEqual(judgementOf(all, dispositionOf(all, config, 0.5), config, '192.0.2.1'), expected);
    });
  }
});
