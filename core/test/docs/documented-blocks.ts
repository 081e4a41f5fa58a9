// The fenced blocks of the documentation, and the files that they stand for.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, seen from core/dist/test/docs. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Block {
  /** From the root of the repository. */
  readonly page: string;
  /** Of the first line inside the fence. */
  readonly line: number;
  readonly language: string;
  /** What `<!-- name -->` on the line before the fence calls it: other blocks of the page import it by that name. */
  readonly name: string | undefined;
  readonly text: string;
}

export function documentedBlocks(): readonly Block[] {
  return pages().flatMap((path) => blocksOf(relative(ROOT, path), readFileSync(path, 'utf8')));
}

function pages(): readonly string[] {
  const found = readdirSync(join(ROOT, 'core/docs'), { recursive: true, encoding: 'utf8' }).map((path) =>
    join(ROOT, 'core/docs', path),
  );
  for (const family of ['plugins', 'examples']) {
    for (const name of readdirSync(join(ROOT, family))) found.push(join(ROOT, family, name, 'README.md'));
  }
  found.push(
    ...['README.md', 'CONTRIBUTING.md', 'plugin-template/README.md'].map((path) => join(ROOT, path)),
  );
  return found.filter((path) => path.endsWith('.md') && isFile(path)).sort();
}

function isFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

export function blocksOf(page: string, markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\w+)$/.exec(lines[at] as string)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) throw new Error(`${page}:${at + 1}: a block without an end`);
    const name = /^<!-- (\S+) -->$/.exec(lines[at - 1] ?? '')?.[1];
    blocks.push({ page, line: at + 2, language, name, text: `${lines.slice(at + 1, end).join('\n')}\n` });
    at = end;
  }
  return blocks;
}
