// The API reference: a page for each door of the core's package, from its declarations.

import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Declared, exportsOf, type Module } from './declarations.ts';
import { ROOT } from './documented-blocks.ts';
import type { GeneratedFile } from './generated.ts';

const CORE = join(ROOT, 'core');
const FOLDER = join(CORE, 'docs/api');
const WRITTEN = '<!-- Written by `npm run docs` from the declarations that the compiler writes. -->';
/** Lines of a signature that are shown: the schema of all settings has hundreds, and a page of its own. */
const SHOWN = 80;

interface Door {
  /** As it is imported. */
  readonly name: string;
  readonly page: string;
  readonly modules: readonly Module[];
  readonly charge: string;
}

export function apiFiles(): readonly GeneratedFile[] {
  const { exports } = JSON.parse(readFileSync(join(CORE, 'package.json'), 'utf8')) as {
    exports: Record<string, string>;
  };
  const doors = Object.entries(exports)
    .filter(([, target]) => target.endsWith('.js'))
    .map(([way, target]): Door => {
      const declarations = join(CORE, target.replace(/\.js$/, '.d.ts'));
      return {
        name: `@posthouse/core${way.slice(1)}`,
        page: way === '.' ? 'core.md' : `${way.slice(2)}.md`,
        modules: exportsOf(declarations),
        charge: chargeOf(declarations),
      };
    });
  const pages = doors.map((door) => [door.page, pageOf(door)] as const);
  return [['README.md', contentsOf(doors)] as const, ...pages].map(([name, wanted]) => {
    const path = join(FOLDER, name);
    return { path, found: existsSync(path) ? readFileSync(path, 'utf8') : '', wanted };
  });
}

function contentsOf(doors: readonly Door[]): string {
  const sections = doors.map(({ name, page, charge, modules }) => {
    const names = modules.flatMap(({ declared }) => unique(declared));
    const links = anchors(names).map((anchor, index) => `[${names[index]}](${page}#${anchor})`);
    return `## [\`${name}\`](${page})\n\n${charge}\n\n${links.join(' · ')}\n`;
  });
  return `# API reference\n\n${WRITTEN}\n\nWhat each door of the core's package exports, with its docstring and its type.\n\n${sections.join('\n')}`;
}

function pageOf({ name, modules, charge }: Door): string {
  const sections = modules.map(({ path, declared }) => {
    const source = sourceOf(path);
    const file = relative(join(CORE, 'src'), source);
    const parts = unique(declared).map((each) =>
      entryOf(
        each,
        declared.filter((one) => one.name === each),
      ),
    );
    return `## [${file}](${relative(FOLDER, source)})\n\n${chargeOf(path)}\n\n${parts.join('\n')}`;
  });
  return `# ${name}\n\n${WRITTEN}\n\n${charge}\n\n${sections.join('\n')}`;
}

/** A name may be two things at once: an interface and the token of the same name. */
function entryOf(name: string, declared: readonly Declared[]): string {
  const says = declared.map((one) => prose(one.says)).filter((text) => text !== '');
  const signature = declared
    .map((one) => shortened(one.signature.replace(/^export (?:declare )?/, '')))
    .join('\n');
  return `### \`${name}\`\n\n${says.map((text) => `${text}\n\n`).join('')}\`\`\`ts no-compile\n${signature}\n\`\`\`\n`;
}

function shortened(signature: string): string {
  // The compiler indents by four.
  const lines = signature
    .split('\n')
    .map((line) => line.replace(/^ +/, (indent) => indent.slice(indent.length / 2)));
  const rest = lines.length - SHOWN;
  return (rest <= 0 ? lines : [...lines.slice(0, SHOWN), `// … and ${rest} lines more`]).join('\n');
}

/** Markdown of a docstring: its tags become a list, and nothing in it is HTML. */
function prose(says: string): string {
  return says
    .split(/\n(?=@)|^(?=@)/)
    .map((part) =>
      part
        .replace(/^@param (\w+) /, '- `$1`: ')
        .replace(/^@returns /, '- Returns ')
        .replace(/^@throws /, '- Throws '),
    )
    .join('\n')
    .replace(/(?<!\n)\n- /, '\n\n- ')
    .split('`')
    .map((text, index) => (index % 2 === 0 ? text.replaceAll('<', '&lt;').replaceAll('*', '\\*') : text))
    .join('`');
}

/** What a module says of itself in its first lines. */
function chargeOf(declarations: string): string {
  const [comment = ''] = /^(?:\/\/.*\n)+/.exec(readFileSync(sourceOf(declarations), 'utf8')) ?? [];
  return prose(comment.replaceAll(/^\/\/ ?/gm, '').trim());
}

function sourceOf(declarations: string): string {
  return declarations.replace('/dist/', '/').replace(/\.d\.ts$/, '.ts');
}

function unique(declared: readonly Declared[]): readonly string[] {
  return [...new Set(declared.map(({ name }) => name))];
}

/** As GitHub makes them: small letters, and a number where that is taken already (`Mailbox`, `mailbox`). */
function anchors(names: readonly string[]): readonly string[] {
  const taken = new Map<string, number>();
  return names.map((name) => {
    const anchor = name.toLowerCase();
    const count = taken.get(anchor) ?? 0;
    taken.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}
