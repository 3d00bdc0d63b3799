import { z } from 'zod';
import { InexpressibleError, type StructuralSchema, type Validation } from './json-schema-props.ts';
import { limitsOf } from './limits.ts';

/** What may stand in `.meta()`, and goes into the schema as it is. */
const PASSED_ON = ['description', 'maxLength', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'];

const YAML_1_1_BOOLEAN = /\.(y|yes|n|no|on|off|true|false)$/i;

/**
 * The structural schema of what a zod schema reads (its input, durations as text).
 * @param path where it is in the object, for errors
 * @throws InexpressibleError for everything that it cannot say, so that no rule is lost unnoticed
 */
export function structuralSchema(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { description: inner, ...shape } = shapeOf(schema, path);
  const { description = inner, ...passed } = metaOf(schema, path);
  const limits = limitsOf(schema, path);
  const rules = [...(shape['x-kubernetes-validations'] ?? []), ...limits.rules];
  return {
    ...(description === undefined ? {} : { description }),
    ...shape,
    ...limits.schema,
    ...passed,
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  };
}

/** Without bounds the API server takes the worst for granted when it reckons what a rule in CEL costs. */
function checkBounded(made: StructuralSchema, path: string): void {
  const known = made.enum ?? made.format ?? made.maxLength;
  if (made.type === 'string' && known === undefined) {
    throw new InexpressibleError(
      path,
      'a text without a greatest length: say .max() or .meta({ maxLength })',
    );
  }
  if (made.type === 'array' && made.maxItems === undefined) {
    throw new InexpressibleError(path, 'a list without a greatest length: say .max()');
  }
}

/** A field may be left out when its schema takes undefined. */
function isOptional(schema: z.core.$ZodType): boolean {
  return schema._zod.optin !== undefined;
}

function metaOf(schema: z.core.$ZodType, path: string): StructuralSchema {
  const meta = z.globalRegistry.get(schema) ?? {};
  const stranger = Object.keys(meta).find((key) => !PASSED_ON.includes(key));
  if (stranger !== undefined) throw new InexpressibleError(path, `nobody knows what meta ${stranger} is for`);
  return meta as StructuralSchema;
}

function shapeOf(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
      return structuralSchema(def.innerType, path);
    case 'default':
      return { ...structuralSchema(def.innerType, path), default: z.encode(def.innerType, def.defaultValue) };
    case 'prefault':
      return { ...structuralSchema(def.innerType, path), default: def.defaultValue };
    case 'pipe':
      return structuralSchema(def.in, path);
    case 'string':
      return { type: 'string' };
    case 'number':
      return { type: schema instanceof z.core.$ZodNumberFormat ? 'integer' : 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'literal':
      return choice(def.values, path);
    case 'enum':
      return choice(Object.values(def.entries), path);
    case 'array':
      return {
        type: 'array',
        'x-kubernetes-list-type': 'atomic',
        items: itemSchema(def.element, `${path}[]`),
      };
    case 'object':
      return objectSchema(def, path);
    case 'union':
      return unionSchema(schema, path);
    default:
      throw new InexpressibleError(path, `a structural schema has no ${def.type}`);
  }
}

function choice(values: readonly unknown[], path: string): StructuralSchema {
  const types = new Set(values.map((value) => typeof value));
  const [type] = types;
  if (types.size !== 1 || (type !== 'string' && type !== 'boolean')) {
    throw new InexpressibleError(path, 'choices must all be texts, or all true or false');
  }
  return { type, enum: values };
}

function objectSchema(def: z.core.$ZodObjectDef, path: string): StructuralSchema {
  const fields = Object.entries(def.shape);
  // Unknown fields are refused here, and by the API server as its client asks (fieldValidation), else left out.
  if (def.catchall !== undefined && !(def.catchall instanceof z.core.$ZodNever)) {
    throw new InexpressibleError(path, 'fields of any name: say which there are');
  }
  const properties = Object.fromEntries(
    fields.map(([name, field]) => [name, fieldSchema(field, `${path}.${name}`)]),
  );
  const required = fields.filter(([, field]) => !isOptional(field)).map(([name]) => name);
  return {
    type: 'object',
    ...(fields.length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
  };
}

function itemSchema(item: z.core.$ZodType, path: string): StructuralSchema {
  const made = structuralSchema(item, path);
  checkBounded(made, path);
  return made;
}

function fieldSchema(field: z.core.$ZodType, path: string): StructuralSchema {
  if (YAML_1_1_BOOLEAN.test(path)) {
    throw new InexpressibleError(
      path,
      'kubectl reads YAML 1.1, to which this name is true or false: take another',
    );
  }
  const made = itemSchema(field, path);
  if (made.description === undefined) {
    throw new InexpressibleError(
      path,
      'has no description: say with .describe() what it is, its unit and an example',
    );
  }
  return made;
}

/** Of variants told apart by one field: an object with the fields of all, and a rule of what each variant has. */
function unionSchema(schema: z.core.$ZodType, path: string): StructuralSchema {
  if (!(schema instanceof z.core.$ZodDiscriminatedUnion)) {
    throw new InexpressibleError(path, 'a union must be told apart by one field (z.discriminatedUnion)');
  }
  const { discriminator } = schema._zod.def;
  const variants = schema._zod.def.options.map((option) => structuralSchema(option, path));
  const properties: Record<string, StructuralSchema> = {};
  for (const [name, property] of variants.flatMap((variant) => Object.entries(variant.properties ?? {}))) {
    if (name !== discriminator && name in properties) {
      throw new InexpressibleError(path, `two variants have a field ${name}: name them apart`);
    }
    properties[name] = property;
  }
  const names = variants.flatMap((variant) => variant.properties?.[discriminator]?.enum ?? []);
  const rules = variants.flatMap((variant) => variantRule(variant, discriminator, Object.keys(properties)));
  return {
    type: 'object',
    properties: { ...properties, [discriminator]: { ...properties[discriminator], enum: names } },
    required: [discriminator],
    'x-kubernetes-validations': rules,
  };
}

function variantRule(
  variant: StructuralSchema,
  discriminator: string,
  fields: readonly string[],
): readonly Validation[] {
  const [name] = variant.properties?.[discriminator]?.enum ?? [];
  const needed = (variant.required ?? []).filter((field) => field !== discriminator);
  const foreign = fields.filter((field) => variant.properties?.[field] === undefined);
  const wrong = `self.${discriminator} != '${name}'`;
  const rule = (terms: readonly string[]): string => [wrong, terms.join(' && ')].join(' || ');
  const rules: Validation[] = [];
  if (needed.length > 0) {
    const message = `${discriminator} ${name} needs ${needed.join(' and ')}`;
    rules.push({ rule: rule(needed.map((field) => `has(self.${field})`)), message });
  }
  if (foreign.length > 0) {
    const message = `${discriminator} ${name} has no ${foreign.join(', ')}: remove it`;
    rules.push({ rule: rule(foreign.map((field) => `!has(self.${field})`)), message });
  }
  return rules;
}
