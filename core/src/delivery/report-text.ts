// Text from elsewhere, made fit for a line of a report: what others wrote can neither end a line nor overflow it. Pure.

/** Characters of one text from elsewhere. */
const LONGEST = 1000;
/** RFC 5322 §2.1.1 wants lines below 78 and forbids more than 998 octets. */
const LINE = 76;
/** Characters between two spaces: with four octets each still well below a line's limit. */
const LONGEST_WORD = 200;

// Controls, line ends, and what turns the direction of the text, in which an address could hide.
const ODD = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu;

/** One line of text without control characters. */
export function oneLine(text: string): string {
  return [...text.replace(ODD, ' ').trim()].slice(0, LONGEST).join('');
}

/** A header field folded at white space (RFC 5322 §2.2.3). */
export function folded(field: string): string {
  return wrapped(field, '', '\t').join('\r\n');
}

/** Lines of at most 76 characters where the words allow it, each with its indentation. */
export function wrapped(text: string, first: string, rest = first): string[] {
  const lines: string[] = [];
  let line = '';
  // No empty words: a folded line of nothing but white space is none (RFC 5322 §3.2.2).
  for (const word of text.split(' ').filter(Boolean).flatMap(piecesOf)) {
    const indentation = lines.length === 0 ? first : rest;
    if (line !== '' && indentation.length + line.length + 1 + word.length > LINE) {
      lines.push(indentation + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push((lines.length === 0 ? first : rest) + line);
  return lines;
}

export function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

function piecesOf(word: string): string[] {
  if (word.length <= LONGEST_WORD) return [word];
  const characters = [...word];
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += LONGEST_WORD)
    pieces.push(characters.slice(at, at + LONGEST_WORD).join(''));
  return pieces;
}
