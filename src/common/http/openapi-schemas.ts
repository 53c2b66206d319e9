type Schema = Record<string, unknown>;

const TIME_NAME = /(?:_at|^last_activity|^at)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** Facts that a client attaches: the same rule in every request and answer. */
export const METADATA: Schema = {
  type: 'object',
  description: 'Facts that a client attaches: at most 50 keys with strings, numbers or booleans.',
  maxProperties: 50,
  propertyNames: { minLength: 1, maxLength: 40 },
  additionalProperties: { anyOf: [{ type: 'string', maxLength: 500 }, { type: 'number' }, { type: 'boolean' }] },
};

/**
 * Rewrites a schema for OpenAPI 3.1, with everything in it: `examples` as a list, references without an `allOf` around
 * them, times with their format, and one schema for all metadata.
 * @param name the name of the property that it describes, if any
 */
export function modernize(schema: Schema, name = ''): Schema {
  const { example, allOf, ...rest } = schema;
  const parts = allOf as Schema[] | undefined;
  const whole: Schema =
    parts?.length === 1 ? { ...rest, ...parts[0] } : { ...rest, ...(parts ? { allOf: parts } : {}) };
  const types = [whole.type].flat();
  if (types.includes('string') && !whole.format && (TIME_NAME.test(name) || TIME.test(String(example))))
    whole.format = 'date-time';
  const made =
    name === 'metadata' && types.includes('object') ? metadata(whole, types.includes('null')) : inside(whole);
  return example === undefined ? made : { ...made, examples: [example] };
}

function metadata({ description }: Schema, nullable: boolean): Schema {
  const $ref = '#/components/schemas/Metadata';
  return { description, ...(nullable ? { oneOf: [{ $ref }, { type: 'null' }] } : { $ref }) };
}

/** Rewrites what a schema is made of. */
function inside(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema;
  if (properties)
    schema.properties = Object.fromEntries(
      Object.entries(properties as Record<string, Schema>).map(([key, property]) => [key, modernize(property, key)]),
    );
  if (items) schema.items = modernize(items as Schema);
  if (typeof additionalProperties === 'object') schema.additionalProperties = modernize(additionalProperties as Schema);
  for (const kind of ['oneOf', 'anyOf', 'allOf'])
    if (schema[kind]) schema[kind] = (schema[kind] as Schema[]).map((each) => modernize(each));
  return schema;
}
