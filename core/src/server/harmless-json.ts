// JSON that may be read in a terminal: what a terminal would obey, or a viewer take for the end of a line, is written
// as an escape. JSON itself escapes only what is below the space (RFC 8259 §7). Pure.

// DEL, C1 controls, the ends of lines and paragraphs of Unicode, and whatever turns the direction of the text.
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const ALL_OBEYED = new RegExp(OBEYED, 'g');

/** The same value in JSON. Such characters can stand in strings only, where an escape means the same. */
export function harmlessJson(json: string): string {
  if (!OBEYED.test(json)) return json;
  return json.replace(ALL_OBEYED, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
