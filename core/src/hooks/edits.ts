// Collects what on-data handlers want changed in a message. Data only: intake/ applies it once, at the commit.

import type {
  AuthenticationResult,
  HeaderField,
  MessageEdits,
  MessageSigner,
  Priority,
} from '../contract/index.ts';
import { type Mailbox, mailbox, type ReversePath } from '../smtp/index.ts';

export type Edit =
  | { readonly kind: 'prepend'; readonly name: string; readonly value: string }
  | { readonly kind: 'replace'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove'; readonly name: string; readonly which?: (field: HeaderField) => boolean }
  | { readonly kind: 'recipient'; readonly recipient: Mailbox }
  | { readonly kind: 'sender'; readonly sender: ReversePath }
  | { readonly kind: 'priority'; readonly priority: Priority }
  | RewriteEdit
  | SignEdit
  | ResultEdit;

export interface RewriteEdit {
  readonly kind: 'rewrite';
  readonly transform: BodyTransform;
  readonly author: EditAuthor;
}

export interface SignEdit {
  readonly kind: 'sign';
  readonly signer: MessageSigner;
  readonly author: EditAuthor;
}

/** A part of the Authentication-Results field. */
export interface ResultEdit {
  readonly kind: 'result';
  readonly result: AuthenticationResult;
}

/** Whose edit it is, for a signer or a transform that fails: a planned handler, as far as that matters. */
export interface EditAuthor {
  readonly plugin: string;
  readonly onError: 'defer' | 'pass';
  /** Milliseconds for one call. */
  readonly timeout: number;
}
const NOBODY: EditAuthor = { plugin: '', onError: 'defer', timeout: 10_000 };

export type BodyTransform = (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const PRIORITIES: ReadonlySet<string> = new Set<Priority>(['high', 'normal', 'bulk']);

// RFC 5322 §2.2: printable ASCII without the colon. 77 leaves room for the colon on a line of 78.
const FIELD_NAME = /^[!-9;-~]{1,77}$/;

export class EditList implements MessageEdits {
  readonly #edits: Edit[];
  readonly #author: EditAuthor;

  constructor(author = NOBODY, edits: Edit[] = []) {
    this.#author = author;
    this.#edits = edits;
  }

  /** The same list in the hands of one plugin. */
  by(author: EditAuthor): EditList {
    return new EditList(author, this.#edits);
  }

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
    this.#edits.push({ kind: 'rewrite', transform, author: this.#author });
  }

  addRecipient(recipient: Mailbox): void {
    this.#edits.push({ kind: 'recipient', recipient: mailbox(String(recipient)) });
  }

  changeSender(sender: ReversePath): void {
    this.#edits.push({ kind: 'sender', sender: sender === null ? null : mailbox(String(sender)) });
  }

  setPriority(priority: Priority): void {
    if (!PRIORITIES.has(priority)) throw new TypeError(`not a priority: ${JSON.stringify(priority)}`);
    this.#edits.push({ kind: 'priority', priority });
  }

  sign(signer: MessageSigner): void {
    this.#edits.push({ kind: 'sign', signer, author: this.#author });
  }

  authenticationResult(result: AuthenticationResult): void {
    this.#edits.push({ kind: 'result', result: checkedResult(result) });
  }
}

// RFC 8601 §2.2: keywords, for a property with the ptype in front. Values and reasons are quoted by whoever writes them.
const KEYWORD = /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/;

function checkedResult(result: AuthenticationResult): AuthenticationResult {
  const keywords = [result.method, result.result];
  for (const property of Object.keys(result.properties ?? {})) {
    const [ptype = '', name = '', ...more] = property.split('.');
    keywords.push(ptype, more.length === 0 ? name : '');
  }
  for (const keyword of keywords)
    if (!KEYWORD.test(keyword))
      throw new TypeError(`not a keyword of Authentication-Results: ${JSON.stringify(keyword)}`);
  return result;
}

function checkedName(name: string): string {
  if (!FIELD_NAME.test(name)) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  return name;
}

/** RFC 5322 §2.2.3: a line that continues a field begins with white space and has more than that. */
const FOLD = /\r\n[ \t]+(?=[^ \t\r\n])/g;

function checkedValue(value: string): string {
  // A line end in a value would let whoever wrote it begin a field of his own, or the body.
  if (/[\r\n\0]/.test(value.includes('\n') ? value.replace(FOLD, '') : value))
    throw new TypeError(`CR, LF or NUL in a header value: ${JSON.stringify(value)}`);
  return value;
}
