// Tag lists (RFC 6376 §3.2): what signatures and key records are written in. Pure.

/** Names as written, which are case-sensitive; values with their white space made one blank. */
export type TagList = ReadonlyMap<string, string>;

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** Undefined for what is no tag list: a name twice, a part without `=`, an empty one that is not the last. */
export function parseTagList(text: string): TagList | undefined {
  const parts = text.split(';');
  const tags = new Map<string, string>();
  for (const [index, part] of parts.entries()) {
    const equals = part.indexOf('=');
    if (equals === -1) {
      if (part.trim() !== '' || index < parts.length - 1 || parts.length === 1) return undefined;
      continue;
    }
    const name = part.slice(0, equals).trim();
    if (!NAME.test(name) || tags.has(name)) return undefined;
    tags.set(name, part.slice(equals + 1).trim());
  }
  return tags;
}

/** Values that white space may be folded into: base64, and names between colons. */
export function withoutSpace(value: string): string {
  return /\s/.test(value) ? value.replace(/\s+/g, '') : value;
}
