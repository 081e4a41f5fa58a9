// Quoted-printable (RFC 2045 §6.7): octets that mail cannot carry, or not everywhere, as lines of ASCII. Pure.

const CR = 13;
const LF = 10;
const EQUALS = 61;
/** RFC 2045 §6.7 rule 5: characters of a line, its soft line break included. */
const LINE = 76;

/** Lines that end in CRLF stay lines; all else that is not printable ASCII becomes `=XX`, a lone CR or LF too. */
export function quotedPrintable(octets: Uint8Array): Buffer {
  let text = '';
  let length = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number;
    if (octet === CR && octets[at + 1] === LF) {
      text += '\r\n';
      length = 0;
      at += 1;
      continue;
    }
    const word = isPlain(octet, octets, at) ? String.fromCharCode(octet) : escaped(octet);
    if (length + word.length >= LINE) {
      text += '=\r\n';
      length = 0;
    }
    text += word;
    length += word.length;
  }
  return Buffer.from(text, 'latin1');
}

/** Rule 3: white space at the end of a line might be taken off. */
function isPlain(octet: number, octets: Uint8Array, at: number): boolean {
  if (octet === 32 || octet === 9) return at + 1 < octets.length && octets[at + 1] !== CR;
  return octet > 32 && octet < 127 && octet !== EQUALS;
}

function escaped(octet: number): string {
  return `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
}
