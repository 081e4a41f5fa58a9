// Dovecot's auth protocol, version 1, as a client speaks it: lines of fields with tabs between. Pure.

/** Dovecot drops a client whose line is longer. */
export const MAX_SENT_LINE = 8192;

/** The handshake's end, an answer to a request, or a line that matters to nobody here. */
export type DovecotLine =
  | { readonly kind: 'done' }
  /** The protocol's major version is another one. */
  | { readonly kind: 'foreign'; readonly version: string }
  | { readonly kind: 'mechanism'; readonly name: string }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly verdict: 'ok' | 'fail' | 'continue';
      readonly fields: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'other' };

const VERDICTS: ReadonlyMap<string, 'ok' | 'fail' | 'continue'> = new Map([
  ['OK', 'ok'],
  ['FAIL', 'fail'],
  ['CONT', 'continue'],
]);

export function parseDovecotLine(line: string): DovecotLine {
  const [word = '', first = '', ...rest] = line.split('\t');
  if (word === 'DONE') return { kind: 'done' };
  if (word === 'VERSION') return first === '1' ? { kind: 'other' } : { kind: 'foreign', version: first };
  if (word === 'MECH') return { kind: 'mechanism', name: first };
  const verdict = VERDICTS.get(word);
  if (verdict === undefined || !/^\d{1,10}$/.test(first)) return { kind: 'other' };
  const fields = new Map<string, string>();
  for (const field of rest) {
    const equals = field.indexOf('=');
    const name = equals === -1 ? field : field.slice(0, equals);
    fields.set(name, equals === -1 ? '' : unescaped(field.slice(equals + 1)));
  }
  return { kind: 'answer', id: Number(first), verdict, fields };
}

/** What we say first. Dovecot tells clients apart by the number. */
export function greeting(clientId: number): string {
  return `VERSION\t1\t1\nCPID\t${clientId}\n`;
}

export interface PlainRequest {
  readonly id: number;
  readonly service: string;
  readonly user: string;
  readonly password: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secured: boolean;
}

/** undefined where the line would be too long for Dovecot. */
export function plainRequest(request: PlainRequest): string | undefined {
  const { id, service, user, password, remoteAddress, remotePort, localAddress, localPort, secured } =
    request;
  const response = Buffer.from(`\0${user}\0${password}`, 'utf8').toString('base64');
  const fields = [
    'AUTH',
    id,
    'PLAIN',
    `service=${service}`,
    ...(secured ? ['secured'] : []),
    `rip=${escaped(remoteAddress)}`,
    `rport=${remotePort}`,
    `lip=${escaped(localAddress)}`,
    `lport=${localPort}`,
    // Must be the last one: what follows belongs to it.
    `resp=${response}`,
  ];
  const line = `${fields.join('\t')}\n`;
  return line.length > MAX_SENT_LINE ? undefined : line;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\0', '0'],
  ['\x01', '1'],
  ['\t', 't'],
  ['\r', 'r'],
  ['\n', 'n'],
]);
const UNESCAPES = new Map([...ESCAPES].map(([character, code]) => [code, character]));

function escaped(text: string): string {
  return [...text]
    .map((character) => (ESCAPES.has(character) ? `\x01${ESCAPES.get(character)}` : character))
    .join('');
}

function unescaped(text: string): string {
  let result = '';
  for (let index = 0; index < text.length; index++) {
    if (text[index] !== '\x01') result += text[index];
    else {
      index += 1;
      result += UNESCAPES.get(text[index] ?? '') ?? text[index] ?? '';
    }
  }
  return result;
}
