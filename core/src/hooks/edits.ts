// Collects what on-data handlers want changed in a message. Data only: intake/ applies it once, at the commit.

import type { HeaderField, MessageEdits } from '../contract/index.ts';

export type Edit =
  | { readonly kind: 'prepend'; readonly name: string; readonly value: string }
  | { readonly kind: 'replace'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove'; readonly name: string; readonly which?: (field: HeaderField) => boolean }
  | { readonly kind: 'rewrite'; readonly transform: BodyTransform };

export type BodyTransform = (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

// RFC 5322 §2.2: printable ASCII without the colon. 77 leaves room for the colon on a line of 78.
const FIELD_NAME = /^[!-9;-~]{1,77}$/;

export class EditList implements MessageEdits {
  readonly #edits: Edit[] = [];

  get all(): readonly Edit[] {
    return this.#edits;
  }

  prependHeader(name: string, value: string): void {
    this.#edits.push({ kind: 'prepend', name: checkedName(name), value: checkedValue(value) });
  }

  replaceHeader(name: string, value: string): void {
    this.#edits.push({ kind: 'replace', name: checkedName(name), value: checkedValue(value) });
  }

  removeHeader(name: string, which?: (field: HeaderField) => boolean): void {
    this.#edits.push({ kind: 'remove', name: checkedName(name), ...(which && { which }) });
  }

  rewriteBody(transform: BodyTransform): void {
    this.#edits.push({ kind: 'rewrite', transform });
  }
}

function checkedName(name: string): string {
  if (!FIELD_NAME.test(name)) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  return name;
}

function checkedValue(value: string): string {
  // A line end in a value would let whoever wrote it begin a field of his own, or the body.
  if (/[\r\n\0]/.test(value))
    throw new TypeError(`CR, LF or NUL in a header value: ${JSON.stringify(value)}`);
  return value;
}
