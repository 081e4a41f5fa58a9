// The language of the plain dialogue files, and whoever speaks it: `C:` lines are sent, `S:` lines are expected.
//
//   # a comment
//   S: 220 *                     `*` stands for any text
//   C: EHLO client.example       consecutive C lines leave in one write
//   S: 250-*                     a `250-*` line stands for one or more continuation lines
//   C> "raw \u0000 octets"       a JSON string, sent as it is, without CRLF; \u0080-\u00ff are single octets
//   T: 5m                        the house's clock goes on
//   E:                           the client half-closes
//   S: EOF                       the server has closed

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { duration } from './duration.ts';

export type DialogueLine = { readonly line: number } & (
  | { readonly kind: 'send'; readonly bytes: Buffer }
  | { readonly kind: 'expect'; readonly pattern: string }
  | { readonly kind: 'advance'; readonly milliseconds: number }
  | { readonly kind: 'half-close' }
);

export function parseDialogue(text: string): readonly DialogueLine[] {
  const parsed: DialogueLine[] = [];
  text.split('\n').forEach((source, index) => {
    const line = index + 1;
    const trimmed = source.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const match = /^([CSTE])([:>]) ?(.*)$/.exec(source.trimStart().replace(/\r$/, ''));
    if (match === null) throw new SyntaxError(`line ${line} is no dialogue line: ${source}`);
    const [, who, how, rest] = match as unknown as [string, string, string, string];
    if (who === 'C' && how === '>')
      parsed.push({ line, kind: 'send', bytes: Buffer.from(JSON.parse(rest), 'latin1') });
    else if (who === 'C') parsed.push({ line, kind: 'send', bytes: Buffer.from(`${rest}\r\n`, 'utf8') });
    else if (who === 'S') parsed.push({ line, kind: 'expect', pattern: rest.trimEnd() });
    else if (who === 'T') parsed.push({ line, kind: 'advance', milliseconds: duration(rest.trim()) });
    else parsed.push({ line, kind: 'half-close' });
  });
  return parsed;
}

export interface Stage {
  readonly stream: Duplex;
  advance(milliseconds: number): Promise<void>;
  /** Real milliseconds to wait for a line before the dialogue fails. */
  readonly patience?: number;
}

/** Holds the dialogue; fails with the line that did not come true. Returns everything that the server said. */
export async function holdDialogue(
  dialogue: readonly DialogueLine[],
  stage: Stage,
): Promise<readonly string[]> {
  const heard = new Hearing(stage.stream, stage.patience ?? 5000);
  let pending: Buffer[] = [];
  const speak = (): void => {
    if (pending.length > 0) stage.stream.write(Buffer.concat(pending));
    pending = [];
  };
  for (const [index, step] of dialogue.entries()) {
    if (step.kind === 'send') {
      pending.push(step.bytes);
      if (dialogue[index + 1]?.kind !== 'send') speak();
    } else if (step.kind === 'expect') {
      await expectLine(heard, step.pattern, step.line);
    } else if (step.kind === 'advance') {
      await stage.advance(step.milliseconds);
    } else {
      stage.stream.end();
    }
  }
  return heard.transcript;
}

async function expectLine(heard: Hearing, pattern: string, line: number): Promise<void> {
  const said = await heard.next(line);
  assert.ok(matches(pattern, said), `line ${line}: expected \`${pattern}\`, the server said \`${said}\``);
  // `250-*` takes all continuation lines, so that a new keyword breaks no dialogue.
  if (/^\d{3}-\*$/.test(pattern)) {
    while ((await heard.peek(line)).startsWith(pattern.slice(0, 4))) await heard.next(line);
  }
}

export function matches(pattern: string, said: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(said);
}

/** Cuts what the server says into lines. */
class Hearing {
  readonly transcript: string[] = [];
  readonly #patience: number;
  readonly #lines: string[] = [];
  #rest = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex, patience: number) {
    this.#patience = patience;
    stream.on('data', (bytes: Buffer) => {
      this.#rest += bytes.toString('latin1');
      const lines = this.#rest.split('\r\n');
      this.#rest = lines.pop() as string;
      this.#lines.push(...lines);
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    stream.on('end', end).on('close', end).on('error', end);
  }

  async next(line: number): Promise<string> {
    const said = await this.peek(line);
    this.#lines.shift();
    this.transcript.push(said);
    return said;
  }

  async peek(line: number): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#ended) return 'EOF';
      await this.#more(line);
    }
    return this.#lines[0] as string;
  }

  #more(line: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const soFar = this.transcript.slice(-3).join(' | ');
        reject(
          new assert.AssertionError({
            message: `line ${line}: the server says nothing (last: ${soFar}${this.#rest})`,
          }),
        );
      }, this.#patience);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
