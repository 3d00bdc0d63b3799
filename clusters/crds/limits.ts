import { z } from 'zod';
import type { KubernetesRule } from '../schema/kubernetes-rule.ts';
import { InexpressibleError, type StructuralSchema, type Validation } from './json-schema-props.ts';

export interface Limits {
  readonly schema: StructuralSchema;
  readonly rules: readonly Validation[];
}

/** What RE2, which the API server has, does not understand: look-around, named groups, back references, large repeats. */
const NOT_IN_RE2 = /\(\?[^:]|\\[1-9k]|[{,][0-9]{4,}\}/;

/** Functions that a new CRD may use from Kubernetes 1.31 on at the earliest; the chart begins with 1.30. */
const TOO_NEW_CEL = /\b(?:isIP|ip|isCIDR|cidr|isSemver|semver)\(|\b(?:ip|format)\./;

/**
 * What a zod schema's own checks say, in the words of a structural schema.
 * @throws InexpressibleError for each check that it does not know
 */
export function limitsOf(schema: z.core.$ZodType, path: string): Limits {
  const checks = schema._zod.def.checks ?? [];
  const made: StructuralSchema[] = [formatOf(schema, path)];
  const rules: Validation[] = [];
  for (const check of checks) {
    if (check._zod.def.check === 'custom') rules.push(...ruleOf(check, path));
    else made.push(limitOf((check as z.core.$ZodChecks)._zod.def, schema, path));
  }
  const names = made.flatMap((one) => Object.keys(one));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InexpressibleError(path, `${twice} is said twice`);
  return { schema: Object.assign({}, ...made), rules };
}

function formatOf(schema: z.core.$ZodType, path: string): StructuralSchema {
  if (schema instanceof z.core.$ZodISODateTime) return { format: 'date-time' };
  if (schema instanceof z.core.$ZodStringFormat) {
    throw new InexpressibleError(path, `the format ${schema._zod.def.format}: say it with .regex()`);
  }
  if (schema instanceof z.core.$ZodNumberFormat) {
    const { format } = schema._zod.def;
    if (format !== 'safeint') throw new InexpressibleError(path, `numbers of format ${format}: use z.int()`);
    return { format: 'int64' };
  }
  return {};
}

function limitOf(
  def: z.core.$ZodChecks['_zod']['def'],
  schema: z.core.$ZodType,
  path: string,
): StructuralSchema {
  const isList = schema instanceof z.core.$ZodArray;
  switch (def.check) {
    case 'min_length':
      return isList ? { minItems: def.minimum } : { minLength: def.minimum };
    case 'max_length':
      return isList ? { maxItems: def.maximum } : { maxLength: def.maximum };
    case 'greater_than':
      return { minimum: Number(def.value), ...(def.inclusive ? {} : { exclusiveMinimum: true }) };
    case 'less_than':
      return { maximum: Number(def.value), ...(def.inclusive ? {} : { exclusiveMaximum: true }) };
    case 'string_format':
      if (def.format === 'regex' && def.pattern !== undefined)
        return { pattern: patternOf(def.pattern, path) };
      throw new InexpressibleError(path, `the format ${def.format}: say it with .regex()`);
    default:
      throw new InexpressibleError(path, `nobody knows how to tell an API server of the check ${def.check}`);
  }
}

function patternOf({ source, flags }: RegExp, path: string): string {
  if (flags !== '' || NOT_IN_RE2.test(source)) {
    throw new InexpressibleError(path, `/${source}/${flags} means something else, or nothing, in RE2`);
  }
  return source.replaceAll('\\/', '/');
}

function ruleOf(check: z.core.$ZodCheck, path: string): readonly Validation[] {
  const { params, error, path: field = [] } = (check as z.core.$ZodCustom)._zod.def;
  const told = (params as { readonly kubernetes?: KubernetesRule } | undefined)?.kubernetes;
  if (told === undefined) {
    throw new InexpressibleError(
      path,
      'a refine without inCel() or notInCel() (clusters/schema/kubernetes-rule.ts)',
    );
  }
  if (told.kind === 'not-in-cel') return [];
  if (TOO_NEW_CEL.test(told.cel)) {
    throw new InexpressibleError(
      path,
      `${told.cel} is CEL of a later Kubernetes than the chart's kubeVersion`,
    );
  }
  const message = error?.({ code: 'custom', input: undefined, path: [] });
  if (typeof message !== 'string' || message.includes('\n')) {
    throw new InexpressibleError(path, 'a rule needs a message of one line: what is wrong, and what to do');
  }
  const fieldPath = field.map((name) => `.${String(name)}`).join('');
  return [{ rule: told.cel, message, ...(fieldPath === '' ? {} : { fieldPath }) }];
}
