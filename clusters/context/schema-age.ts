import { z } from 'zod';

/** A part of an OpenAPI schema, as CustomResourceDefinitions have it. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly items?: SchemaNode | undefined;
  readonly additionalProperties?: SchemaNode | boolean | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean | undefined;
}

const node: z.ZodType<SchemaNode> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), node).optional(),
    items: node.optional(),
    additionalProperties: z.union([z.boolean(), node]).optional(),
    enum: z.array(z.unknown()).optional(),
    'x-kubernetes-preserve-unknown-fields': z.boolean().optional(),
  }),
);

/** CustomResourceDefinition `apiextensions.k8s.io/v1`, as far as it is compared. */
export const definitionSchema = z.object({
  metadata: z.object({
    name: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.object({
    group: z.string(),
    versions: z.array(
      z.object({
        name: z.string(),
        served: z.boolean(),
        schema: z.object({ openAPIV3Schema: node }).optional(),
      }),
    ),
  }),
});

export type Definition = z.infer<typeof definitionSchema>;

/** What a cluster's definition of a kind lacks; what it has beyond ours is nobody's loss. */
export interface Lack {
  /** A version that is newer than those that the cluster serves. */
  readonly version: string | undefined;
  /** Paths such as `spec.rules[].filters[].cors`, and with a value that a field may not have: `spec.mode=Audit`. */
  readonly fields: readonly string[];
}

/** @param ours of this release @param theirs of the cluster @returns undefined where nothing is lacking */
export function lackOf(ours: Definition, theirs: Definition): Lack | undefined {
  const served = new Set(theirs.spec.versions.filter((each) => each.served).map(({ name }) => name));
  const known = ours.spec.versions.filter((each) => each.served).sort(byStability);
  const newest = known[0]?.name;
  const shared = known.find(({ name }) => served.has(name));
  const other = theirs.spec.versions.find(({ name }) => name === shared?.name);
  const fields: string[] = [];
  compare(shared?.schema?.openAPIV3Schema, other?.schema?.openAPIV3Schema, '', fields);
  const version = newest === undefined || served.has(newest) ? undefined : newest;
  return version === undefined && fields.length === 0 ? undefined : { version, fields };
}

function compare(
  ours: SchemaNode | undefined,
  theirs: SchemaNode | undefined,
  path: string,
  missing: string[],
): void {
  // What takes anything lacks nothing.
  if (ours === undefined || theirs === undefined || theirs['x-kubernetes-preserve-unknown-fields'] === true)
    return;
  for (const [name, field] of Object.entries(ours.properties ?? {})) {
    const at = path === '' ? name : `${path}.${name}`;
    const other = theirs.properties?.[name];
    if (other !== undefined) compare(field, other, at, missing);
    // Kubernetes knows these of every object, whatever a schema says.
    else if (!['apiVersion', 'kind', 'metadata'].includes(at) && path !== 'metadata') missing.push(at);
  }
  compare(ours.items, theirs.items, `${path}[]`, missing);
  compare(mapOf(ours), mapOf(theirs), `${path}.*`, missing);
  if (theirs.enum === undefined) return;
  for (const value of ours.enum ?? []) if (!theirs.enum.includes(value)) missing.push(`${path}=${value}`);
}

function mapOf({ additionalProperties: values }: SchemaNode): SchemaNode | undefined {
  return typeof values === 'object' ? values : undefined;
}

/** The best first, as Kubernetes orders versions: `v1`, `v1beta1`, `v1alpha2`, `v1alpha1`. */
function byStability({ name: one }: { name: string }, { name: other }: { name: string }): number {
  return rank(other) - rank(one);
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

function rank(version: string): number {
  const [, major = '0', stage, minor = '0'] = VERSION.exec(version) ?? [];
  const stages = { alpha: 0, beta: 1 } as const;
  const stability = stage === 'alpha' || stage === 'beta' ? stages[stage] : 2;
  return stability * 1e6 + Number(major) * 1e3 + Number(minor);
}
