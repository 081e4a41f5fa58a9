// The text of a message, decoded: its text/plain and text/html parts, wherever they lie. Reads what it can and judges
// nothing; a message that is cut off, or broken, gives what there is. Pure, and bounded by what it is given.

/** Parts inside parts are followed so deep; a message has so many that count. */
const MAX_DEPTH = 10;
const MAX_PARTS = 200;

/** @param message its octets as latin1, from the first one. @returns the octets of each part, as latin1 */
export function textParts(message: string): readonly string[] {
  const found: string[] = [];
  const parts = { left: MAX_PARTS };
  visit(message, 0, found, parts);
  return found;
}

function visit(part: string, depth: number, found: string[], parts: { left: number }): void {
  if (depth > MAX_DEPTH || parts.left === 0) return;
  parts.left -= 1;
  // A part without header fields begins with the empty line.
  const end = part.startsWith('\r\n') ? 0 : part.indexOf('\r\n\r\n');
  if (end === -1) return;
  const header = part.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const body = part.slice(end + (end === 0 ? 2 : 4));
  const type = fieldOf(header, 'content-type') ?? 'text/plain';
  if (/^\s*multipart\//i.test(type)) {
    const boundary = boundaryOf(type);
    if (boundary !== undefined)
      for (const each of partsOf(body, boundary)) visit(each, depth + 1, found, parts);
  } else if (/^\s*message\/(?:rfc822|global)\b/i.test(type)) visit(body, depth + 1, found, parts);
  else if (/^\s*text\/(?:plain|html)\b/i.test(type))
    found.push(decoded(body, fieldOf(header, 'content-transfer-encoding')));
}

function fieldOf(header: string, name: string): string | undefined {
  const start = new RegExp(`(?:^|\\n)${name}[ \\t]*:`, 'i').exec(header);
  if (start === null) return undefined;
  const from = start.index + start[0].length;
  const end = header.indexOf('\r\n', from);
  return header.slice(from, end === -1 ? undefined : end);
}

/** RFC 2046 §5.1.1. */
function boundaryOf(type: string): string | undefined {
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(type) ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? plain;
}

function partsOf(body: string, boundary: string): readonly string[] {
  const [, ...rest] = `\r\n${body}`.split(`\r\n--${boundary}`);
  const parts: string[] = [];
  for (const each of rest) {
    if (each.startsWith('--')) break;
    const lineEnd = each.indexOf('\r\n');
    // A longer line begins like the delimiter and is none.
    if (lineEnd === -1 || each.slice(0, lineEnd).trim() !== '') {
      if (parts.length > 0) parts[parts.length - 1] += `\r\n--${boundary}${each}`;
      continue;
    }
    parts.push(each.slice(lineEnd + 2));
    if (parts.length > MAX_PARTS) break;
  }
  return parts;
}

/** RFC 2045 §6. */
function decoded(body: string, encoding = ''): string {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64').toString('latin1');
    case 'quoted-printable':
      return body
        .replace(/=[ \t]*\r\n/g, '')
        .replace(/=([0-9A-F]{2})/gi, (_, octet: string) => String.fromCharCode(Number.parseInt(octet, 16)));
    default:
      return body;
  }
}
