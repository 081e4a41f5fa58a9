// The figures as a picture: for each load a block of bars, one for each server, as long as its median rate.

import { rateOf } from './report.ts';
import { described } from './scenario.ts';
import type { Row } from './tournament.ts';

const WIDTH = 860;
const NAMES = 170;
const FIGURES = 150;
const BAR = 16;
const STEP = 22;
const HEAD = 30;
const OURS = '#1f6feb';
const THEIRS = '#8b949e';

/** SVG. Within a block the lengths are to scale; between blocks they are not. */
export function picture(rows: readonly Row[], caption: string): string {
  const parts: string[] = [];
  let y = 54;
  for (const { scenario, results } of rows) {
    const ran = results.flatMap((result) => {
      const rate = rateOf(result);
      return rate === undefined ? [] : [{ server: result.server, rate }];
    });
    const most = Math.max(...ran.map(({ rate }) => rate));
    parts.push(text(16, y, `${scenario.job}: ${described(scenario)}`, 'load'));
    y += 10;
    for (const { server, rate } of ran.sort((a, b) => b.rate - a.rate)) {
      const length = Math.max(1, (rate / most) * (WIDTH - NAMES - FIGURES));
      const colour = server.startsWith('Posthouse') ? OURS : THEIRS;
      parts.push(
        text(NAMES - 8, y + 13, server, 'name'),
        `<rect x="${NAMES}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" fill="${colour}"/>`,
        text(NAMES + length + 6, y + 13, `${Math.round(rate).toLocaleString('en')}/s`, 'figure'),
      );
      y += STEP;
    }
    y += HEAD;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img">
<title>${escaped(caption)}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.load { font-weight: 600 }
.name { text-anchor: end }
.caption { fill: #57606a }
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
${text(16, 24, caption, 'caption')}
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, words: string, kind: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" class="${kind}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
