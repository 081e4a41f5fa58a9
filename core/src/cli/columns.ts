// Text for people in a terminal: columns, and untrusted text that can do a terminal no harm.

/** Control characters, and those that turn the direction of the text, written out; everything stays on one line. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, writtenOut);
}

/** The same for text that has lines of its own, and tabs. */
export function visibleLines(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, writtenOut);
}

function writtenOut(odd: string): string {
  return `\\u{${odd.codePointAt(0)?.toString(16)}}`;
}

export function clip(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** Rows under their heads, each column as wide as its widest cell; the last one is not filled up. */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = heads.length === 0 ? rows : [heads, ...rows];
  const widths: number[] = [];
  for (const row of all) {
    row.forEach((text, index) => {
      widths[index] = Math.max(widths[index] ?? 0, text.length);
    });
  }
  return all
    .map((row) =>
      row.map((text, index) => (index === row.length - 1 ? text : text.padEnd(widths[index] ?? 0))),
    )
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('');
}
