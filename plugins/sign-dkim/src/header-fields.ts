// The header section as DKIM sees it (RFC 6376 §3.4.1, §3.4.2, §5.4): fields as they stand, and chosen.
// Octets are latin1 characters here, so that whatever a field holds is hashed as it is.

export interface Field {
  /** Lower case. */
  readonly name: string;
  /** As it stands, folding and final CRLF included. */
  readonly raw: string;
}

/** The fields from the top. A line that is no field is left out: it cannot be signed. */
export function fieldsOf(header: Uint8Array): readonly Field[] {
  const text = Buffer.from(header.buffer, header.byteOffset, header.length).toString('latin1');
  const fields: Field[] = [];
  for (const raw of text.split(/(?<=\r\n)(?![ \t])/)) {
    const colon = raw.indexOf(':');
    if (colon > 0) fields.push({ name: raw.slice(0, colon).trimEnd().toLowerCase(), raw });
  }
  return fields;
}

/** The value without folding and surrounding white space, decoded as UTF-8. */
export function contentOf({ raw }: Field): string {
  const value = Buffer.from(raw.slice(raw.indexOf(':') + 1).replace(/\r\n(?=[ \t])/g, ''), 'latin1');
  return value.toString('utf8').trim();
}

export interface Chosen {
  /** For `h=`, in the order in which they are hashed. */
  readonly names: readonly string[];
  readonly fields: readonly Field[];
}

/**
 * Every instance of the names in `signed`, from the bottom up (RFC 6376 §5.4.2), and each of the names in `oversigned`
 * once more than it occurs, so that none can be added without breaking the signature (§8.15).
 */
export function chooseFields(
  all: readonly Field[],
  signed: readonly string[],
  oversigned: ReadonlySet<string>,
): Chosen {
  const byName = new Map<string, Field[]>();
  for (const field of all) {
    const same = byName.get(field.name);
    if (same === undefined) byName.set(field.name, [field]);
    else same.unshift(field);
  }
  const names: string[] = [];
  const fields: Field[] = [];
  for (const name of signed) {
    for (const field of byName.get(name) ?? []) {
      names.push(name);
      fields.push(field);
    }
    if (oversigned.has(name)) names.push(name);
  }
  return { names, fields };
}
