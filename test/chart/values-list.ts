import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { isFields } from '../../federation/model/fields.ts';

const CHART = join(import.meta.dirname, '../../charts/isthmus');
export const README = join(CHART, 'README.md');

const BEGIN =
  '<!-- values: made by `node test/chart/values-list.ts` from values.schema.json and values.yaml -->';
const END = '<!-- end of values -->';

interface SchemaNode {
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
}

const schemaNode: z.ZodType<SchemaNode> = z.lazy(() =>
  z.looseObject({
    description: z.string().optional(),
    properties: z.record(z.string(), schemaNode).optional(),
  }),
);

export interface DescribedValue {
  /** With dots: `gateway.service.type`. */
  readonly path: string;
  readonly description: string;
}

/** Each value that the schema knows, in its order; `global` is Helm's own. */
export function describedValues(): readonly DescribedValue[] {
  const schema = schemaNode.parse(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')));
  return describedBelow(schema, []).filter(({ path }) => path !== 'global');
}

function describedBelow(node: SchemaNode, path: readonly string[]): readonly DescribedValue[] {
  const { properties, description } = node;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([name, child]) => describedBelow(child, [...path, name]));
  }
  if (description === undefined)
    throw new Error(`${path.join('.')} has no description in values.schema.json`);
  return [{ path: path.join('.'), description }];
}

/** Paths of all values; an object that a user fills (labels, resources) is one value. */
export function leaves(values: unknown): readonly string[] {
  const known = new Set(describedValues().map(({ path }) => path));
  const below = (value: unknown, path: string): readonly string[] => {
    if (known.has(path) || !isFields(value)) return [path];
    return Object.entries(value).flatMap(([name, child]) =>
      below(child, path === '' ? name : `${path}.${name}`),
    );
  };
  return below(values, '');
}

/** The text with the list of values as it should be. */
export function withValues(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${README} has no place for the values`);
  const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const lines = describedValues().map(({ path, description }) => {
    const value = path
      .split('.')
      .reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), values);
    return `- \`${path}\` = \`${JSON.stringify(value)}\`: ${description}`;
  });
  return `${before}${BEGIN}\n\n${lines.join('\n')}\n\n${END}${after}`;
}

if (import.meta.main) writeFileSync(README, withValues(readFileSync(README, 'utf8')));
