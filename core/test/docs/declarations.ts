// What a door of the core exports, read from the declarations that the compiler has written: each name with its
// docstring and its signature, module by module in the order of the door.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Declared {
  readonly name: string;
  /** The docstring in plain lines; '' where there is none. */
  readonly says: string;
  readonly signature: string;
}

export interface Module {
  /** Of the declarations, absolute. */
  readonly path: string;
  readonly declared: readonly Declared[];
}

/** @param door a .d.ts file. Names that come from other packages are left out. */
export function exportsOf(door: string): readonly Module[] {
  const modules = new Map<string, Declared[]>();
  collect(door, undefined, modules);
  return [...modules]
    .map(([path, declared]) => ({ path, declared }))
    .filter(({ declared }) => declared.length > 0);
}

const FROM = /^export (?:type )?(?:\*|\{([^}]+)\}) from '(\.[^']+)';$/;
const LOCAL = /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type|enum) ([\w$]+)/;

/** @param wanted by name; all of a module where undefined. */
function collect(path: string, wanted: ReadonlySet<string> | undefined, into: Map<string, Declared[]>): void {
  const own = into.get(path) ?? [];
  into.set(path, own);
  for (const { says, signature } of statementsOf(readFileSync(path, 'utf8'))) {
    const [, name] = LOCAL.exec(signature) ?? [];
    const isWanted = name !== undefined && (wanted === undefined || wanted.has(name));
    if (isWanted && !own.some((each) => each.signature === signature)) own.push({ name, says, signature });
    const [whole, list, from = ''] = FROM.exec(signature) ?? [];
    if (whole === undefined) continue;
    const names = list === undefined ? undefined : (list.match(/[\w$]+(?=\s*(?:,|$))/g) ?? []);
    const passed =
      names === undefined ? wanted : names.filter((each) => wanted === undefined || wanted.has(each));
    const other = join(dirname(path), from.replace(/\.[jt]s$/, '.d.ts'));
    collect(other, passed && new Set(passed), into);
  }
}

/** The compiler begins each statement, and each docstring of one, in the first column. */
function statementsOf(text: string): readonly { readonly says: string; readonly signature: string }[] {
  const parts = text.split(/^(?=\/\*\*|export |declare |import |interface |type |\/\/#)/m);
  let says = '';
  return parts.flatMap((part) => {
    if (part.startsWith('/**') && !/\*\/\n./s.test(part)) {
      says = plain(part);
      return [];
    }
    const signature = part
      .split('\n')
      .filter((line) => !/^ {4}(?:private |#)/.test(line))
      .join('\n')
      .trimEnd();
    const statement = { says, signature };
    says = '';
    return [statement];
  });
}

function plain(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join('\n')
    .trim();
}
