// Header sections and blocks of fields as they stand in reports: names and unfolded values, within bounds. Lenient, since
// reports are written by everybody. Pure.

export interface Field {
  /** In small letters. */
  readonly name: string;
  readonly value: string;
}

/** Fields of one block that are read. */
const MOST = 300;
/** Characters of one value. */
const LONGEST = 2000;

/** The fields of a text, up to its end; lines that are none are passed over. */
export function fieldsOf(text: string): readonly Field[] {
  const fields: { name: string; value: string }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line)) {
      if (last !== undefined && last.value.length < LONGEST) last.value += ` ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || colon > 100) continue;
    if (fields.length === MOST) break;
    fields.push({ name: line.slice(0, colon).trim().toLowerCase(), value: line.slice(colon + 1).trim() });
  }
  return fields.map(({ name, value }) => ({ name, value: value.slice(0, LONGEST) }));
}

export function first(fields: readonly Field[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value;
}

export function all(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** A value with parameters (RFC 2045 §5.1): `multipart/report; report-type=delivery-status; boundary="x"`. */
export function parameterised(value: string): {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const end = value.indexOf(';');
  const parameters = new Map<string, string>();
  const rest = end === -1 ? '' : value.slice(end);
  for (const [, name = '', quoted, plain] of rest.matchAll(
    /;\s*([!#$%&'*+.^_`|~0-9a-z-]{1,60})\s*=\s*(?:"((?:[^"\\]|\\.){0,200})"|([^\s;"]{1,200}))/gi,
  )) {
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return { value: (end === -1 ? value : value.slice(0, end)).trim().toLowerCase(), parameters };
}
