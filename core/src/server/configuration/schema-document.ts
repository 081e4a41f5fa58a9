// The JSON Schema (draft-07) for editors: the server's schema, and for each plugin its configuration's, chosen by `use`.

import { ServerSchema } from '../definition.ts';
import { plainSchema } from './schema-check.ts';
import { isPlain } from './source.ts';

export interface PluginSchema {
  /** As it stands after `use:`. */
  readonly use: string;
  readonly description: string;
  /** The schema of `config`; undefined when there is nothing to configure. */
  readonly config: object | undefined;
}

type Schema = { [keyword: string]: unknown };

export function configurationSchema(plugins: readonly PluginSchema[]): Schema {
  const server = forEditors(plainSchema(ServerSchema)) as Schema;
  const properties = server.properties as Record<string, Schema>;
  const list = properties.plugins as Schema;
  const entry = list.items as Schema;
  const members = entry.properties as Record<string, Schema>;
  const use = members.use as Schema;
  members.use = {
    description: use.description,
    // The names are for completion; any other package or file is as good.
    anyOf: [
      ...plugins.map((plugin) => ({ const: plugin.use, description: plugin.description })),
      { type: 'string', minLength: 1 },
    ],
  };
  if (plugins.length > 0) entry.allOf = plugins.map(configOf);
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Posthouse configuration', ...server };
}

function configOf({ use, config }: PluginSchema): Schema {
  const plain =
    config === undefined
      ? { type: 'object', properties: {}, additionalProperties: false }
      : plainSchema(config);
  // A schema that refers to itself would look for its parts at the root of this document.
  const embedded = JSON.stringify(plain).includes('"$ref"')
    ? { type: 'object' }
    : (forEditors(plain) as Schema);
  const required = Array.isArray(embedded.required) && embedded.required.length > 0;
  return {
    if: { properties: { use: { const: use } }, required: ['use'] },
    // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's word, and nobody awaits a schema
    then: { properties: { config: embedded }, ...(required && { required: ['config'] }) },
  };
}

/** What a person may leave out is not required, and an editor knows no keywords of ours. */
function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors);
  if (!isPlain(schema)) return schema;
  const properties = schema.properties;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]): readonly (readonly [string, unknown])[] => {
      if (keyword === 'posthouse') return [];
      if (keyword === 'default' || keyword === 'const' || keyword === 'enum') return [[keyword, value]];
      if (keyword !== 'required' || !Array.isArray(value) || !isPlain(properties))
        return [[keyword, forEditors(value)]];
      const needed = value.filter(
        (name: string) => !('default' in ((properties[name] as object | undefined) ?? {})),
      );
      return needed.length === 0 ? [] : [[keyword, needed]];
    }),
  );
}
