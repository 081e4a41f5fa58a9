// core/docs/outcomes.md says what comes of what next hops do. Each row of it is played, and none is missing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AUTH, CONNECTION, EHLO, TLS } from './outcomes/opening.ts';
import { DANE, MTA_STS } from './outcomes/policies.ts';
import { openStage, type Row } from './outcomes/stage.ts';
import { HOSTS, KEPT, PROVIDERS, TIME } from './outcomes/surroundings.ts';
import { BDAT, DATA, MAIL, RCPT, RECIPIENTS } from './outcomes/transaction.ts';
import { FALLBACK, SOURCES } from './outcomes/ways.ts';

const SECTIONS: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  ['Connection and greeting', CONNECTION],
  ['EHLO and what it offers', EHLO],
  ['TLS', TLS],
  ['DANE', DANE],
  ['MTA-STS', MTA_STS],
  ['AUTH', AUTH],
  ['MAIL', MAIL],
  ['RCPT', RCPT],
  ['DATA and the message', DATA],
  ['BDAT', BDAT],
  ['Several recipients', RECIPIENTS],
  ['Hosts and DNS', HOSTS],
  ['The fallback', FALLBACK],
  ['Source addresses', SOURCES],
  ['Kept connections', KEPT],
  ['Providers with limits', PROVIDERS],
  ['Time and notices', TIME],
];

const page = readFileSync(fileURLToPath(new URL('../../../core/docs/outcomes.md', import.meta.url)), 'utf8');
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());

/** The cells of a section's table, header and rule left out. */
function tableOf(title: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

it('the sections of the page are those of the test', () => {
  const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  assert.deepEqual(
    titles,
    SECTIONS.map(([title]) => title),
  );
});

for (const [title, rows] of SECTIONS) {
  describe(`outcomes: ${title}`, () => {
    const table = tableOf(title);
    it('has the rows of the page', () => {
      assert.deepEqual(
        table.map(([when]) => when),
        rows.map(({ when }) => when),
      );
    });
    for (const row of rows) {
      const skip = 'six' in (row.hops ?? {}) && !hasIpv6 ? 'there is no ::1 here' : false;
      it(row.when, { skip }, async () => {
        const { tried, outcome, hears } = await stage.play(row);
        assert.deepEqual(
          [row.when, tried, outcome, hears],
          table.find(([when]) => when === row.when),
        );
      });
    }
  });
}
