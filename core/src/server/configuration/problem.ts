// What is wrong with a configuration, where, and how it is told: `posthouse.yaml:14:5 plugins[2].config.zones must be …`.
// Places are JSON Pointers (RFC 6901) on the inside and paths as people write them on the outside.

import { type ErrorCode, PosthouseError } from '../../contract/index.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly code: ErrorCode;
  /** Undefined where the definition is TypeScript. */
  readonly file?: string | undefined;
  readonly position?: Position | undefined;
  /** `plugins[2].config.zones`; '' for the whole. */
  readonly path: string;
  /** Continues the sentence that the path begins. */
  readonly text: string;
}

/** All problems at once. The code is theirs where they share one, else `config-invalid`. */
export class ConfigurationError extends PosthouseError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const codes = new Set(problems.map((problem) => problem.code));
    const [only] = codes;
    super(
      codes.size === 1 && only !== undefined ? only : 'config-invalid',
      problems.map(formatProblem).join('\n'),
    );
    this.problems = problems;
  }
}

export function formatProblem({ file, position, path, text }: Problem): string {
  const place =
    file === undefined ? '' : position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return [place, path, text].filter((part) => part !== '').join(' ');
}

/** In the order of the file; problems without a position stay where they are, at the end. */
export function byPosition(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ position }: Problem): number =>
    position === undefined ? Number.MAX_SAFE_INTEGER : position.line * 1e5 + position.column;
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

/** The pointer of a member. */
export function below(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function segmentsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** As people write it: `plugins[2].config.zones`, `routes["example.org"]`. The data tells lists from maps. */
export function pathOf(pointer: string, data: unknown): string {
  let path = '';
  let at: unknown = data;
  for (const segment of segmentsOf(pointer)) {
    path = memberPath(path, segment, Array.isArray(at));
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[segment] : undefined;
  }
  return path;
}

/** The path of one member, as `pathOf` writes it. */
export function memberPath(path: string, member: string | number, inList: boolean): string {
  if (inList) return `${path}[${member}]`;
  const name = String(member);
  if (!/^[A-Za-z_][\w-]*$/.test(name)) return `${path}[${quote(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** What was given, for a message: short, on one line, and without characters that play with a terminal. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const clipped = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return clipped.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (odd) => `\\u{${odd.codePointAt(0)?.toString(16)}}`);
}
