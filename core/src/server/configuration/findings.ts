// Puts ajv's errors into words: one finding for each mistake, with what was given and what may have been meant.

import type { ErrorObject } from 'ajv';
import { didYouMean } from './near-words.ts';
import { below, quote } from './problem.ts';
import { typeOf } from './source.ts';

export interface Finding {
  readonly pointer: string;
  /** What the text is about: the key itself, or its value. */
  readonly part: 'key' | 'value';
  /** The value given must not be printed when it is a secret: then `textWithoutValue` is used. */
  readonly text: string;
  readonly textWithoutValue: string;
}

/** Known keys that a message lists in full. */
const MAX_LISTED = 12;

export function findingsOf(errors: readonly ErrorObject[], data: unknown): readonly Finding[] {
  const findings = topLevel(errors).flatMap((error) => describe(error, errors, data));
  const seen = new Set<string>();
  return findings.filter(
    ({ pointer, text }) => !seen.has(`${pointer} ${text}`) && seen.add(`${pointer} ${text}`),
  );
}

/** Errors of the branches of an `anyOf` are only material for the sentence about the whole. */
function topLevel(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const unions = errors.filter(isUnion).map(({ schemaPath }) => `${schemaPath}/`);
  return errors.filter(({ schemaPath }) => !unions.some((prefix) => schemaPath.startsWith(prefix)));
}

function isUnion({ keyword, params }: ErrorObject): boolean {
  // More than one branch of a oneOf fitted: there are no errors of branches to speak of.
  return (
    keyword === 'anyOf' ||
    (keyword === 'oneOf' && (params as { passingSchemas?: unknown }).passingSchemas == null)
  );
}

function describe(error: ErrorObject, errors: readonly ErrorObject[], data: unknown): readonly Finding[] {
  const { keyword, instancePath: pointer, data: value, params, parentSchema } = error;
  const limit: unknown = (params as { limit?: unknown }).limit;
  const about = (must: string, given = `, got ${quote(value)}`): readonly Finding[] => [
    { pointer, part: 'value', text: `${must}${given}`, textWithoutValue: must },
  ];
  switch (keyword) {
    case 'required':
      return [
        asIs(below(pointer, (params as { missingProperty: string }).missingProperty), 'value', 'is missing'),
      ];
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const { additionalProperty: key } = params as { additionalProperty: string };
      const known = Object.keys((parentSchema?.properties as object | undefined) ?? {});
      return [asIs(below(pointer, key), 'key', `is unknown${didYouMean(key, known) || listed(known)}`)];
    }
    case 'type':
      return [
        asIs(pointer, 'value', `must be ${[parentSchema?.type].flat().join(' or ')}, got ${typeOf(value)}`),
      ];
    case 'enum':
    case 'const':
      return oneOf(
        (keyword === 'enum' ? parentSchema?.enum : [parentSchema?.const]) as readonly unknown[],
        pointer,
        value,
      );
    case 'anyOf':
    case 'oneOf':
      return isUnion(error) ? union(error, errors, data) : about('must fit one of the forms only');
    case 'minimum':
      return about(`must be ${limit} or more`);
    case 'maximum':
      return about(`must be ${limit} or less`);
    case 'exclusiveMinimum':
      return about(`must be more than ${limit}`);
    case 'exclusiveMaximum':
      return about(`must be less than ${limit}`);
    case 'minItems':
      return about(
        `must have ${count(limit, 'entry', 'entries')} or more`,
        `, got ${(value as unknown[]).length}`,
      );
    case 'maxItems':
      return about(
        `must have ${count(limit, 'entry', 'entries')} or fewer`,
        `, got ${(value as unknown[]).length}`,
      );
    case 'minProperties':
      return about(`must have ${count(limit, 'key', 'keys')} or more`, '');
    case 'maxProperties':
      return about(`must have ${count(limit, 'key', 'keys')} or fewer`, '');
    case 'minLength':
      return limit === 1 ? about('must not be empty', '') : about(`must have ${limit} characters or more`);
    case 'maxLength':
      return about(`must have ${limit} characters or fewer`);
    case 'pattern':
      return about(`must match ${(params as { pattern: string }).pattern}`);
    case 'uniqueItems': {
      const { i, j } = params as { i: number; j: number };
      return [asIs(below(pointer, Math.max(i, j)), 'value', `is the same as [${Math.min(i, j)}]`)];
    }
    default:
      return about(error.message ?? `must pass ${keyword}`);
  }
}

/** The alternatives of a union: of words, of types, or of shapes, where the one that fits best is explained. */
function union(error: ErrorObject, errors: readonly ErrorObject[], data: unknown): readonly Finding[] {
  const { instancePath: pointer, data: value, schemaPath, schema } = error;
  const branches = (schema as readonly Record<string, unknown>[]).map((branch, index) => ({
    branch,
    errors: errors.filter((one) => one.schemaPath.startsWith(`${schemaPath}/${index}/`)),
  }));
  if (branches.every(({ branch }) => 'const' in branch))
    return oneOf(
      branches.map(({ branch }) => branch.const),
      pointer,
      value,
    );
  const tried = branches.filter(
    (one) =>
      !one.errors.some((e) => e.instancePath === pointer && ['type', 'const', 'enum'].includes(e.keyword)),
  );
  // Where the branches are told apart by a word, a wrong word leaves no branch that was meant.
  const meant = tried.filter(
    (one) => !one.errors.some((e) => e.keyword === 'const' && isMember(e.instancePath, pointer)),
  );
  const [best] = (meant.length > 0 ? meant : tried).toSorted((a, b) => a.errors.length - b.errors.length);
  if (best !== undefined && (meant.length > 0 || tried.length === 1)) {
    return topLevel(best.errors).flatMap((one) => describe(one, best.errors, data));
  }
  const words = tried.flatMap((one) =>
    one.errors.filter((e) => e.keyword === 'const' && isMember(e.instancePath, pointer)),
  );
  const [word] = words;
  if (word !== undefined)
    return oneOf(
      words.map((one) => one.schema),
      word.instancePath,
      word.data,
    );
  const forms = [...new Set(branches.map(({ branch }) => form(branch)))];
  return [
    asIs(
      pointer,
      'value',
      `must be ${forms.join(' or ')}, got ${typeof value === 'object' ? typeOf(value) : quote(value)}`,
      `must be ${forms.join(' or ')}`,
    ),
  ];
}

function isMember(pointer: string, of: string): boolean {
  return pointer.startsWith(`${of}/`) && !pointer.slice(of.length + 1).includes('/');
}

function form(schema: Readonly<Record<string, unknown>>): string {
  if ('const' in schema) return quote(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(quote).join(' or ');
  return [schema.type ?? 'another form'].flat().join(' or ');
}

function oneOf(allowed: readonly unknown[], pointer: string, value: unknown): readonly Finding[] {
  const words = allowed.map((one) => (typeof one === 'string' ? one : quote(one)));
  const must = words.length === 1 ? `must be ${words[0]}` : `must be one of ${words.join(', ')}`;
  const near = typeof value === 'string' ? didYouMean(value, words) : '';
  return [
    asIs(
      pointer,
      'value',
      `${must}, got ${typeof value === 'object' ? typeOf(value) : quote(value)}${near}`,
      must,
    ),
  ];
}

function asIs(pointer: string, part: Finding['part'], text: string, textWithoutValue = text): Finding {
  return { pointer, part, text, textWithoutValue };
}

function listed(known: readonly string[]): string {
  if (known.length === 0) return '; nothing may stand here';
  return known.length > MAX_LISTED ? '' : `; known are ${known.join(', ')}`;
}

function count(limit: unknown, one: string, many: string): string {
  return `${limit} ${limit === 1 ? one : many}`;
}
