import { isFields } from '../../federation/model/fields.ts';
import type { StructuralSchema } from './json-schema-props.ts';

/** A value with one thing changed, and what that is. */
export interface Variant {
  readonly what: string;
  readonly value: unknown;
}

const ODD_TEXTS = [
  '',
  ' ',
  'a b',
  'É',
  '-',
  '/',
  '*',
  'A',
  '0',
  '0s',
  '1.5s',
  '-1s',
  '99999h',
  'true',
  'a\u0001\n',
];
const ODD_TIMES = ['2026-01-31', '2026-01-31T12:00:00', '2026-02-30T12:00:00Z', '2026-01-31T25:00:00Z'];

/**
 * Values around each bound of a schema, made of a good value: too small, just enough, too long, of another type, without a
 * field, with one too many.
 */
export function* variantsOf(schema: StructuralSchema, value: unknown, path = 'spec'): Generator<Variant> {
  for (const other of othersOf(schema, value)) yield { what: `${path} = ${shown(other)}`, value: other };
  if (Array.isArray(value)) yield* listVariants(schema, value, path);
  else if (isFields(value)) yield* objectVariants(schema, value, path);
}

function* listVariants(
  schema: StructuralSchema,
  value: readonly unknown[],
  path: string,
): Generator<Variant> {
  const { items, maxItems = 0 } = schema;
  if (items === undefined) return;
  yield { what: `${path} is empty`, value: [] };
  for (const length of [maxItems, maxItems + 1]) {
    yield { what: `${path} has ${length} items`, value: Array.from({ length }, () => value[0]) };
  }
  if (value.length === 0) return;
  for (const { what, value: other } of variantsOf(items, value[0], `${path}[0]`)) {
    yield { what, value: value.with(0, other) };
  }
}

function* objectVariants(
  { properties = {} }: StructuralSchema,
  value: Readonly<Record<string, unknown>>,
  path: string,
): Generator<Variant> {
  yield { what: `${path} has a field that nobody knows`, value: { ...value, unheardOf: 1 } };
  for (const [name, field] of Object.entries(value)) {
    const { [name]: _, ...others } = value;
    yield { what: `${path} without ${name}`, value: others };
    const property = properties[name];
    if (property === undefined) continue;
    for (const { what, value: other } of variantsOf(property, field, `${path}.${name}`)) {
      yield { what, value: { ...value, [name]: other } };
    }
  }
}

function othersOf({ type, ...schema }: StructuralSchema, value: unknown): readonly unknown[] {
  switch (type) {
    case 'string': {
      const { maxLength = 0 } = schema;
      const long = typeof value === 'string' && value !== '' ? value.at(-1) : 'a';
      const lengths = [maxLength, maxLength + 1].map((length) => String(value).padEnd(length, long));
      // The API server takes an empty list for a time; nobody writes that.
      const odd = schema.format === undefined ? [...ODD_TEXTS, []] : [...ODD_TEXTS, ...ODD_TIMES];
      return [...(schema.enum ?? []), ...odd, ...lengths, 7, true, {}];
    }
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 2 ** 40 } = schema;
      return [minimum - 1, minimum, minimum + 0.5, maximum, maximum + 1, '1', true, {}];
    }
    case 'boolean':
      return [true, false, 'true', 1];
    default:
      return ['a', 1, type === 'array' ? {} : []];
  }
}

/** Paths of all fields of a schema, items of lists as `[]`. */
export function fieldPaths(schema: StructuralSchema, path = 'spec'): readonly string[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    fieldPaths(field, `${path}.${name}`),
  );
  const items = schema.items === undefined ? [] : fieldPaths(schema.items, `${path}[]`);
  return [path, ...below, ...items];
}

/** Paths of all that a value has. */
export function valuePaths(value: unknown, path = 'spec'): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => valuePaths(item, `${path}[]`))];
  if (!isFields(value)) return [path];
  return [path, ...Object.entries(value).flatMap(([name, field]) => valuePaths(field, `${path}.${name}`))];
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 60);
}
