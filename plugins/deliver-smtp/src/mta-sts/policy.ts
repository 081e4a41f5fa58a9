// The texts of MTA-STS (RFC 8461): the TXT record that says that there is a policy, and the policy itself. Pure.

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Seconds for which it may be kept. */
  readonly maxAge: number;
  /** Host names, in small letters; `*.example.org` stands for one label in front. Empty only with `none`. */
  readonly mx: readonly string[];
}

/** §3.2: a year; what says more is held to it. */
const LONGEST_AGE = 31_557_600;
/** Patterns that are read: a domain with more mail hosts has a wildcard. */
const MAX_PATTERNS = 100;
const RECORD = /^v=STSv1(?:[ \t]*;[ \t]*[A-Za-z\d][\w.-]{0,31}=[!-:<>-~]+)+(?:[ \t]*;[ \t]*)?$/;
const HOST = /^(?:\*\.)?[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/;

/** The id of the policy; undefined where the domain has none (§3.1: no record, several, or one that is malformed). */
export function policyId(records: readonly string[]): string | undefined {
  const [record, ...others] = records.filter((each) => /^v=STSv1[ \t]*(?:;|$)/.test(each));
  if (record === undefined || others.length > 0 || !RECORD.test(record)) return undefined;
  return /;[ \t]*id=([A-Za-z\d]{1,32})[ \t]*(?:;|$)/.exec(record)?.[1];
}

/** Throws a TypeError that says what is wrong. */
export function parsePolicy(text: string): StsPolicy {
  const fields = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const [, key, value] = /^([A-Za-z\d][\w.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) throw new TypeError('a line is no "key: value"');
    if (key === 'mx') mx.push(pattern(value));
    // §3.2: of a field that is there twice, the first counts; unknown ones are passed over.
    else if (!fields.has(key)) fields.set(key, value);
  }
  if (fields.get('version') !== 'STSv1') throw new TypeError('its version is not STSv1');
  const mode = fields.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none')
    throw new TypeError('its mode is not enforce, testing or none');
  const age = fields.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) throw new TypeError('its max_age is no number');
  if (mode !== 'none' && mx.length === 0) throw new TypeError('it names no mx');
  if (mx.length > MAX_PATTERNS) throw new TypeError('it names too many mx');
  return { mode, maxAge: Math.min(Number(age), LONGEST_AGE), mx };
}

/** §4.1: a wildcard stands for exactly one label, the leftmost one. */
export function allowsHost({ mx }: Pick<StsPolicy, 'mx'>, host: string): boolean {
  const name = host.toLowerCase();
  const dot = name.indexOf('.');
  const parent = dot === -1 ? undefined : `*${name.slice(dot)}`;
  return mx.some((allowed) => allowed === name || allowed === parent);
}

function pattern(value: string): string {
  const name = value.toLowerCase().replace(/\.$/, '');
  if (name.length > 255 || !HOST.test(name)) throw new TypeError('an mx is no host name');
  return name;
}
