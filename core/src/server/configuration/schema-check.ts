// Checks data against a schema with ajv: fills defaults in, turns durations and sizes into numbers and paths into
// absolute ones, all in place. What ajv finds is put into words by findings.ts.

import { resolve } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Finding, findingsOf } from './findings.ts';
import { segmentsOf } from './problem.ts';
import { isPlain } from './source.ts';
import {
  BYTE_SIZE_FORM,
  DURATION_FORM,
  parseByteSize,
  parseDuration,
  parseRate,
  RATE_FORM,
} from './units.ts';

/** Runs checks for one configuration: relative paths are taken from its folder. */
export class SchemaCheck {
  readonly #ajv: Ajv;

  constructor(folder: string) {
    this.#ajv = new Ajv({
      allErrors: true,
      verbose: true,
      useDefaults: true,
      // A schema that ajv would partly ignore promises what it does not hold.
      strictSchema: true,
      strictTypes: false,
      strictRequired: false,
      validateFormats: false,
    });
    this.#ajv.addKeyword(unitKeyword(folder));
  }

  /** Throws what ajv says of a schema that is none. */
  compile(schema: object): (data: unknown, secrets: ReadonlySet<string>) => readonly Finding[] {
    const validate = this.#ajv.compile(plainSchema(schema) as object);
    return (data, secrets) => {
      let errors = run(validate, data);
      // A secret is text; where a number or a switch is wanted, it is read as one.
      if (errors.filter((error) => readSecret(error, data, secrets)).length > 0) errors = run(validate, data);
      return findingsOf(errors, data);
    };
  }
}

function run(validate: ValidateFunction, data: unknown): readonly ErrorObject[] {
  return validate(data) ? [] : [...(validate.errors ?? [])];
}

function readSecret(
  { keyword, instancePath, data: text, parentSchema }: ErrorObject,
  data: unknown,
  secrets: ReadonlySet<string>,
): boolean {
  if (keyword !== 'type' || typeof text !== 'string' || !secrets.has(instancePath)) return false;
  const wanted: unknown = parentSchema?.type;
  if (wanted === 'boolean' && (text === 'true' || text === 'false'))
    return replace(data, instancePath, text === 'true');
  if ((wanted === 'integer' || wanted === 'number') && /^-?\d+(?:\.\d+)?$/.test(text)) {
    return replace(data, instancePath, Number(text));
  }
  return false;
}

function replace(data: unknown, pointer: string, value: unknown): boolean {
  const segments = [...segmentsOf(pointer)];
  const last = segments.pop();
  let at: unknown = data;
  for (const segment of segments) at = (at as Record<string, unknown>)[segment];
  if (last === undefined || typeof at !== 'object' || at === null) return false;
  (at as Record<string, unknown>)[last] = value;
  return true;
}

/** The keyword of contract/schema.ts. */
function unitKeyword(folder: string): Parameters<Ajv['addKeyword']>[0] & object {
  type Parent = {
    readonly parentData: Record<string | number, unknown>;
    readonly parentDataProperty: string | number;
  };
  function check(kind: string, value: string | number, _schema: unknown, at?: Parent): boolean {
    const [converted, form] = convert(kind, value, folder);
    if (converted === undefined) {
      check.errors = [{ keyword: 'posthouse', message: `must be ${form}`, params: {} }];
      return false;
    }
    if (at !== undefined) at.parentData[at.parentDataProperty] = converted;
    return true;
  }
  check.errors = [] as Partial<ErrorObject>[];
  return {
    keyword: 'posthouse',
    schemaType: 'string',
    type: ['string', 'number'],
    modifying: true,
    errors: true,
    metaSchema: { enum: ['duration', 'byte-size', 'rate', 'path'] },
    validate: check,
  };
}

function convert(
  kind: string,
  value: string | number,
  folder: string,
): readonly [converted: unknown, form: string] {
  if (kind === 'duration') return [parseDuration(value), DURATION_FORM];
  if (kind === 'rate') return [parseRate(value), RATE_FORM];
  if (kind === 'byte-size') return [parseByteSize(value), BYTE_SIZE_FORM];
  const usable = typeof value === 'string' && value !== '' && !value.includes('\0');
  return [usable ? resolve(folder, value) : undefined, 'a path'];
}

/**
 * A copy as plain JSON Schema. Objects that name their members are closed unless they say otherwise: an unknown key
 * is an error whether or not the author of a plugin thought of it.
 */
export function plainSchema(schema: unknown, closing = true): unknown {
  if (Array.isArray(schema)) return schema.map((member) => plainSchema(member, closing));
  if (!isPlain(schema) && (typeof schema !== 'object' || schema === null)) return schema;
  const copy: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema as Record<string, unknown>)) {
    if (keyword === 'default' || keyword === 'const' || keyword === 'enum' || keyword === 'examples')
      copy[keyword] = value;
    else if (keyword === 'properties' || keyword === 'patternProperties' || keyword === '$defs') {
      copy[keyword] = Object.fromEntries(
        Object.entries(value as object).map(([name, member]) => [name, plainSchema(member)]),
      );
    }
    // The parts of an intersection see each other's members.
    else copy[keyword] = plainSchema(value, keyword !== 'allOf' && (closing || keyword === 'items'));
  }
  const open = ['additionalProperties', 'patternProperties', 'unevaluatedProperties', 'allOf'].some(
    (keyword) => keyword in copy,
  );
  if (closing && 'properties' in copy && !open) copy.additionalProperties = false;
  return copy;
}
