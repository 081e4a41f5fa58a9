// The Authentication-Results field (RFC 8601): written from what plugins contributed, and read as far as it takes to
// tell whose it claims to be. Pure.

import { domainToASCII } from 'node:url';
import type {
  AuthenticationResult,
  AuthenticationResultsRules,
  MessageOrigin,
  ReceivedMessage,
} from '../contract/index.ts';
import type { Edit } from '../hooks/index.ts';

const FIELD_NAME = 'Authentication-Results';
/** Octets of one value as it is written; a longer one is left out, since half a name is another name. */
const MAX_VALUE = 512;
const MAX_REASON = 256;
/** Characters of a folded line, where there is a place to fold. */
const WIDTH = 78;

// RFC 2045 §5.1
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
// RFC 8601 §2.2: pvalue may be a bare address or domain name.
const ADDRESS =
  /^(?:[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z]+(?:\.[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z]+)*@|@)?[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*$/;
const ADDRESS_UTF8 = /^(?:[^\s"(),:;<>@[\]\\\p{Cc}]+@|@)?[\p{L}\p{M}\p{N}_-]+(?:\.[\p{L}\p{M}\p{N}_-]+)*$/u;

/** The field with what the edits contribute, '' where none does. */
export function authenticationResults(edits: readonly Edit[], authservId: string, utf8: boolean): string {
  const results = edits.flatMap((edit) => (edit.kind === 'result' ? edit.result : []));
  return results.length === 0 ? '' : authenticationResultsField(authservId, results, utf8);
}

/** RFC 8601 §5: what a stranger has written in our name goes, whether or not any plugin checks messages. */
export function withoutForgedResults(
  given: {
    readonly message: Pick<ReceivedMessage, 'headers'> & { readonly hasAuthenticationResults: boolean };
    readonly origin: Pick<MessageOrigin, 'remoteAddress'>;
    readonly edits: readonly Edit[];
  },
  { authservId, trusts }: AuthenticationResultsRules,
): readonly Edit[] {
  const { message, origin, edits } = given;
  if (!message.hasAuthenticationResults || trusts(origin.remoteAddress ?? '')) return edits;
  if (!message.headers.all(FIELD_NAME).some((value) => claimsAuthservId(value, authservId))) return edits;
  return [
    { kind: 'remove', name: FIELD_NAME, which: ({ value }) => claimsAuthservId(value, authservId) },
    ...edits,
  ];
}

/**
 * The complete field, folded, with its CRLF.
 * @param utf8 the message may have UTF-8 in its header section (RFC 6532); otherwise what is not ASCII becomes `?`
 */
export function authenticationResultsField(
  authservId: string,
  results: readonly AuthenticationResult[],
  utf8: boolean,
): string {
  const parts = results.map((result) => wordsOf(result, utf8));
  let text = `${FIELD_NAME}: ${pvalue(authservId, utf8)};`;
  parts.forEach((words, index) => {
    let line = '\r\n\t';
    for (const word of words) {
      if (line.length + word.length > WIDTH && line.trim() !== '') {
        text += line;
        line = '\r\n\t ';
      } else if (line.trim() !== '') line += ' ';
      line += word;
    }
    text += index === parts.length - 1 ? line : `${line};`;
  });
  return `${text}\r\n`;
}

function wordsOf({ method, result, reason, properties }: AuthenticationResult, utf8: boolean): string[] {
  const words = [`${method}=${result}`];
  if (reason !== undefined && reason !== '') words.push(`reason=${quoted(cut(reason, MAX_REASON), utf8)}`);
  for (const [property, value] of Object.entries(properties ?? {})) {
    const written = pvalue(value, utf8);
    if (value !== '' && Buffer.byteLength(written) <= MAX_VALUE) words.push(`${property}=${written}`);
  }
  return words;
}

function pvalue(value: string, utf8: boolean): string {
  const bare = TOKEN.test(value) || ADDRESS.test(value) || (utf8 && ADDRESS_UTF8.test(value));
  return bare ? value : quoted(value, utf8);
}

/** RFC 5322 §3.2.4. What no quoted string may hold becomes `?`, line ends and tabs a space. */
function quoted(text: string, utf8: boolean): string {
  const harmless = text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(utf8 ? /[\p{Cc}\p{Zl}\p{Zp}]/gu : /[^ -~]/g, '?')
    .replace(/[\\"]/g, '\\$&');
  return `"${harmless}"`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}

/**
 * Whether a field of this value says that it was written under `authservId`, whatever its comments, quoting, case and
 * version. A field that cannot be read says so too: somebody behind us may read it more kindly (RFC 8601 §5).
 */
export function claimsAuthservId(value: string, authservId: string): boolean {
  const claimed = authservIdOf(value);
  return claimed === undefined || comparable(claimed) === comparable(authservId);
}

/** RFC 8601 §2.2: `[CFWS] authserv-id …`; undefined where there is none. */
function authservIdOf(value: string): string | undefined {
  const start = behindComments(value);
  if (start === undefined) return undefined;
  if (value[start] !== '"') {
    const bare = /^[^\s;()"]+/.exec(value.slice(start))?.[0];
    // `a"b` and the like: no grammar says where the name ends.
    return bare !== undefined && value[start + bare.length] !== '"' ? bare : undefined;
  }
  let name = '';
  for (let index = start + 1; index < value.length; index++) {
    const character = value[index] as string;
    if (character === '"') return name.trim();
    if (character === '\\') index += 1;
    name += value[index] ?? '';
  }
  return undefined;
}

/** RFC 5322 §3.2.2: where white space and comments, which nest, end. */
function behindComments(value: string): number | undefined {
  let depth = 0;
  for (let index = 0; index < value.length; index++) {
    const character = value[index] as string;
    if (character === '(') depth += 1;
    else if (depth === 0) {
      if (!/\s/.test(character)) return index;
    } else if (character === '\\') index += 1;
    else if (character === ')') depth -= 1;
  }
  return undefined;
}

function comparable(authservId: string): string {
  const plain = authservId.toLowerCase().replace(/\.+$/, '');
  if (!/[^ -~]/.test(plain)) return plain;
  // U-labels and A-labels of one name are one name (RFC 8601 §2.5, RFC 5890).
  return domainToASCII(plain) || plain;
}
