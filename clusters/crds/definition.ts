import { stringify } from 'yaml';
import type { StructuralSchema } from './json-schema-props.ts';
import type { CustomKind } from './kinds.ts';
import { structuralSchema } from './structural-schema.ts';

const GROUP = 'isthmus.io';
const VERSION = 'v1alpha1';
const HEADER = '# Made by `npm run generate` of the zod schema in clusters/schema/: change that, not this.\n';
const LINE_WIDTH = 110;

export function definitionName({ plural }: CustomKind): string {
  return `${plural}.${GROUP}`;
}

/** The CustomResourceDefinition of a kind, as YAML. @throws InexpressibleError naming kind and field. */
export function definitionYaml(kind: CustomKind): string {
  // Kubernetes and Helm read YAML 1.1, to which a bare `on` is true.
  const options = { version: '1.1', lineWidth: LINE_WIDTH, aliasDuplicateObjects: false } as const;
  return HEADER + stringify(definition(kind), options);
}

function definition(kind: CustomKind): object {
  const { scope, plural, shortNames, categories } = kind;
  const names = { categories, kind: kind.kind, listKind: `${kind.kind}List`, plural, shortNames };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: definitionName(kind),
      labels: { 'app.kubernetes.io/part-of': 'isthmus', ...kind.labels },
    },
    spec: {
      group: GROUP,
      names: { ...names, singular: kind.kind.toLowerCase() },
      scope,
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function rootSchema({ kind, schema, status }: CustomKind): object {
  const { metadata, spec } = schema.shape;
  const specSchema = structuralSchema(spec, `${kind}.spec`);
  return {
    description: schema.description,
    type: 'object',
    properties: {
      apiVersion: { description: `\`${GROUP}/${VERSION}\`.`, type: 'string' },
      kind: { description: `\`${kind}\`.`, type: 'string' },
      metadata: {
        type: 'object',
        properties: { name: structuralSchema(metadata.shape.name, `${kind}.metadata.name`) },
      },
      spec: specSchema,
      status: {
        description: 'What Isthmus says of the object; nobody else writes it.',
        ...structuralSchema(status, `${kind}.status`),
      } satisfies StructuralSchema,
    },
    ...(specSchema.default === undefined ? { required: ['spec'] } : {}),
  };
}
