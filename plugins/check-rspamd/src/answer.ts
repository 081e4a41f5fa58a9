// What rspamd says of a message (its protocol's reply to /checkv2), read with suspicion. Pure.

export interface Judgement {
  /** `no action`, `greylist`, `add header`, `rewrite subject`, `soft reject`, `reject`, or one of its own. */
  readonly action: string;
  readonly score: number;
  readonly required: number;
  /** Names of the symbols, those that weigh most first. */
  readonly symbols: readonly string[];
  /** For the client. */
  readonly text: string | undefined;
  readonly subject: string | undefined;
  readonly add: readonly { readonly name: string; readonly value: string }[];
  /** Which of the fields of that name, counted from 1; 0 is all, -1 the last. */
  readonly remove: readonly { readonly name: string; readonly index: number }[];
}

const FIELD_NAME = /^[!-9;-~]{1,100}$/;
const MAX_FIELDS = 100;
const MAX_SYMBOLS = 20;

/** Undefined when it is no such answer. */
export function readAnswer(text: string): Judgement | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(answer) || typeof answer.action !== 'string' || typeof answer.score !== 'number')
    return undefined;
  const { messages, milter, symbols } = answer;
  return {
    action: answer.action,
    score: answer.score,
    required: typeof answer.required_score === 'number' ? answer.required_score : 0,
    symbols: symbolsOf(symbols),
    text: isRecord(messages) ? line(messages.smtp_message) : undefined,
    subject: line(answer.subject),
    add: isRecord(milter) ? added(milter.add_headers) : [],
    remove: isRecord(milter) ? removed(milter.remove_headers) : [],
  };
}

function symbolsOf(symbols: unknown): readonly string[] {
  if (!isRecord(symbols)) return [];
  const weighed = Object.entries(symbols).map(([name, symbol]) => ({
    name,
    score: isRecord(symbol) && typeof symbol.score === 'number' ? symbol.score : 0,
  }));
  return weighed
    .filter(({ score }) => score !== 0)
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, MAX_SYMBOLS)
    .map(({ name, score }) => `${name.slice(0, 100)}(${score})`);
}

/** `{"X-Spam": "Yes"}`, with an order `{"value": "Yes", "order": 1}`, or a list of either. */
function added(headers: unknown): Judgement['add'] {
  if (!isRecord(headers)) return [];
  return Object.entries(headers)
    .flatMap(([name, given]) =>
      (Array.isArray(given) ? given : [given]).map((each: unknown) => ({
        name,
        value: line(isRecord(each) ? each.value : each),
      })),
    )
    .flatMap(({ name, value }) => (FIELD_NAME.test(name) && value !== undefined ? [{ name, value }] : []))
    .slice(0, MAX_FIELDS);
}

function removed(headers: unknown): Judgement['remove'] {
  if (!isRecord(headers)) return [];
  return Object.entries(headers)
    .flatMap(([name, given]) =>
      (Array.isArray(given) ? given : [given]).map((index: unknown) => ({ name, index })),
    )
    .flatMap(({ name, index }) =>
      FIELD_NAME.test(name) && Number.isInteger(index) ? [{ name, index: index as number }] : [],
    )
    .slice(0, MAX_FIELDS);
}

/** Folded values come back unfolded: the core folds them again. */
function line(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return String(value)
    .replace(/\r?\n[ \t]*/g, ' ')
    .replace(/[\0\r\n]/g, '')
    .trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
