// The contract of the plugins on their configuration: which keys are left without a word.

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The paths of the keys without a description. */
export function undescribed(config: object | undefined): readonly string[] {
  return config === undefined ? [] : within(config as Schema, '');
}

function within(schema: Schema, path: string): readonly string[] {
  const { properties = {}, patternProperties = {}, additionalProperties, items, anyOf = [] } = schema;
  const found = Object.entries(properties).flatMap(([key, each]) => [
    ...(each.description ? [] : [`${path}${key}`]),
    ...within(each, `${path}${key}.`),
  ]);
  for (const each of Object.values(patternProperties)) found.push(...within(each, `${path}*.`));
  if (typeof additionalProperties === 'object') found.push(...within(additionalProperties, `${path}*.`));
  if (items !== undefined) found.push(...within(items, `${path}[].`));
  for (const each of anyOf) found.push(...within(each, path));
  return found;
}
