// The reference documentation of configurations: a pure function from schemas to Markdown tables.

import { ServerSchema } from '../definition.ts';
import { plainSchema } from './schema-check.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly posthouse?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: boolean | Node;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

type Row = readonly string[];

const HEAD: Row = ['key', 'type', 'default', 'meaning'];

/** The table of a plugin's README, without surrounding lines. */
export function configurationTable(schema: object | undefined): string {
  const rows = schema === undefined ? [] : rowsOf(plainSchema(schema) as Node, '');
  return rows.length === 0 ? 'It has nothing to configure.' : table(rows);
}

/** core/docs/configuration.md. */
export function configurationReference(): string {
  const schema = plainSchema(ServerSchema) as Node;
  const sections = Object.entries(schema.properties ?? {}).map(([key, node]) => {
    const shapes = node.items ? [node.items] : (node.anyOf ?? [node]);
    const rows = shapes.flatMap((shape) => rowsOf(shape, ''));
    // Of a section or a list of them the table tells the type.
    const type = node.type === 'object' || node.items ? '' : ` Type: ${typeText(node)}.`;
    const state = isRequired(schema, key) ? ' Required.' : '';
    const below = rows.length === 0 ? '' : `\n\n${table(rows)}`;
    return `## \`${key}\`\n\n${node.description ?? ''}${type}${state}${below}`;
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from the schemas in core/src/server/definition.ts and core/src/contract/settings.ts. -->

One YAML file, or the same object in TypeScript through \`defineServer\`. An unknown key is an error. \`posthouse check\`
tells every mistake with its line and column, \`posthouse explain\` what a configuration amounts to, and
\`posthouse schema --out posthouse.schema.json\` writes a JSON Schema for the editor's completion, with which a file begins:
\`# yaml-language-server: $schema=./posthouse.schema.json\`.

**Units.** A duration is \`500ms\`, \`30s\`, \`5m\`, \`2h\` or \`5d\`, or a number of milliseconds. A size is \`512 B\`, \`64 KiB\`,
\`50 MiB\` or \`1 GiB\`, or a number of octets. A relative path is taken from the folder of the configuration file.

**Secrets.** In any string, \`\${env:NAME}\` stands for an environment variable and \`\${file:path}\` for the content of a file,
without its last line end; \`$\${\` is a plain \`\${\`. What has no value is an error. No dump shows what came from there.`;

function rowsOf(schema: Node, prefix: string): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, node]) => row(prefix, key, node, schema));
}

/** A member's row, followed by those of its own members. */
function row(prefix: string, key: string, node: Node, parent: Node): readonly Row[] {
  const path = `${prefix}${key}`;
  const fallback =
    node.default !== undefined && !isSection(node)
      ? code(node.default)
      : isRequired(parent, key)
        ? 'required'
        : '–';
  const cells = [`\`${path}\``, typeText(node), fallback, node.description ?? ''];
  const shapes = [node, ...(node.anyOf ?? node.oneOf ?? [])];
  const below = shapes.flatMap((shape) => [
    ...rowsOf(shape, `${path}.`),
    ...(shape.items ? rowsOf(shape.items, `${path}[].`) : []),
    ...membersOf(shape).flatMap((member) => rowsOf(member, `${path}.*.`)),
  ]);
  return [cells.map(cell), ...below];
}

/** Aligned, as the formatter of the repository wants tables. */
function table(rows: readonly Row[]): string {
  const widths = HEAD.map((_, column) =>
    Math.max(3, ...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  return [HEAD, rule, ...rows]
    .map((row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n');
}

function isRequired(schema: Node, key: string): boolean {
  return (schema.required ?? []).includes(key) && schema.properties?.[key]?.default === undefined;
}

/** A section whose members have the defaults. */
function isSection(node: Node): boolean {
  return node.properties !== undefined && JSON.stringify(node.default) === '{}';
}

function membersOf({ patternProperties, additionalProperties }: Node): readonly Node[] {
  const named = Object.values(patternProperties ?? {});
  return typeof additionalProperties === 'object' ? [...named, additionalProperties] : named;
}

function typeText(node: Node): string {
  if (node.posthouse !== undefined) return node.posthouse === 'byte-size' ? 'size' : node.posthouse;
  if (node.const !== undefined) return code(node.const);
  if (node.enum) return node.enum.map(code).join(' or ');
  const forms = node.anyOf ?? node.oneOf;
  if (forms) return [...new Set(forms.map(typeText))].join(' or ');
  if (node.items) return `list of ${plural(typeText(node.items))}`;
  if (node.type === 'string' && node.maxLength === 1) return 'character';
  const [member] = membersOf(node);
  if (member) return `map of ${plural(typeText(member))}`;
  if (node.type === undefined) return 'anything';
  return `${[node.type].flat().join(' or ')}${range(node)}`;
}

function plural(type: string): string {
  return /^[a-z]+$/.test(type) && type !== 'anything' ? `${type}s` : type;
}

function range({ minimum, maximum }: Node): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, ${minimum} or more`;
  return maximum === undefined ? '' : `, ${maximum} or less`;
}

function code(value: unknown): string {
  if (Array.isArray(value) && value.length > 0) return value.map(code).join(', ');
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
