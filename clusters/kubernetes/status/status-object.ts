import { z } from 'zod';
import { readResource } from '../../schema/resource.ts';
import { isServiceKind, toParents } from '../../schema/route-schema.ts';
import { RuleFaults } from '../../schema/rule-faults.ts';
import { readConditions } from '../mcs/conditions.ts';
import { objectDocument } from '../object-document.ts';
import type { ObjectKey } from '../reflector.ts';
import type { ResourceType } from '../resource-type.ts';
import type { PeerStatus } from './peer-status.ts';
import type { PolicyAncestor, PolicyTarget } from './policy-status.ts';
import type { OwnParent, ParentEntry } from './route-status.ts';

export const POLICY_KINDS = ['FailoverPolicy', 'TrafficPolicy', 'AccessPolicy'] as const;
export const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute'] as const;

/** Kinds whose status we write. */
export type StatusKind = (typeof POLICY_KINDS)[number] | (typeof ROUTE_KINDS)[number] | 'ClusterPeer';

interface Outline {
  readonly kind: StatusKind;
  readonly type: ResourceType;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | undefined;
  /** What our schema refuses of it; undefined where it is good. */
  readonly fault: string | undefined;
}

/** An object whose status we write, as it is in the cluster. */
export type StatusObject =
  | (Outline & {
      readonly about: 'policy';
      readonly targets: readonly PolicyTarget[];
      readonly ancestors: readonly PolicyAncestor[];
    })
  | (Outline & {
      readonly about: 'route';
      readonly parents: readonly OwnParent[];
      readonly entries: readonly ParentEntry[];
    })
  | (Outline & { readonly about: 'peer'; readonly status: PeerStatus });

const fields = z.record(z.string(), z.unknown());

const outline = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().default(''),
    resourceVersion: z.string().default(''),
    generation: z.int().optional(),
  }),
  spec: fields.catch({}),
  status: fields.catch({}),
});

const target = z.object({ group: z.string().default(''), kind: z.string(), name: z.string() });
const ancestor = z.object({
  ancestorRef: target.extend({ namespace: z.string().default('') }),
  controllerName: z.string(),
  conditions: readConditions,
});
const entry = z
  .looseObject({ controllerName: z.string(), parentRef: fields, conditions: readConditions })
  .catch({ controllerName: '', parentRef: {}, conditions: [] });
const parentRef = z.looseObject({
  group: z.string().default('gateway.networking.k8s.io'),
  kind: z.string().default('Gateway'),
  name: z.string(),
  namespace: z.string().optional(),
  port: z.int().optional(),
  sectionName: z.string().optional(),
});
const peerStatus = z.object({
  observedGeneration: z.int().optional(),
  conditions: readConditions,
  lastSeen: z.string().optional(),
  ageSeconds: z.number().optional(),
  roundTripMs: z.number().optional(),
  gateways: z.array(z.string()).optional(),
  services: z.int().optional(),
  bundleSequence: z.int().optional(),
  drainedPercent: z.number().optional(),
  drain: z.string().optional(),
});
const NO_STATUS: PeerStatus = { conditions: [] };

/** Reads an object of the API; of what is malformed it takes what it can, for the API server has checked the shape. */
export function readStatusObject(kind: StatusKind, type: ResourceType, object: unknown): StatusObject {
  const { metadata, spec, status, ...rest } = outline.parse(object);
  const { name, namespace, uid, resourceVersion, generation } = metadata;
  const apiVersion = `${type.group}/${type.version}`;
  const read = readResource(objectDocument({ ...rest, metadata, spec, apiVersion, kind }));
  const fault = read.kind === 'invalid' ? read.problems.map(({ message }) => message).join('; ') : undefined;
  const shared = { kind, type, name, namespace, uid, resourceVersion, generation, fault };
  switch (kind) {
    case 'ClusterPeer':
      return { ...shared, about: 'peer', status: peerStatus.safeParse(status).data ?? NO_STATUS };
    case 'HTTPRoute':
    case 'GRPCRoute': {
      const entries = list(status.parents).map((raw) => ({ ...entry.parse(raw), raw }));
      return { ...shared, about: 'route', parents: ownParents(spec.parentRefs, namespace ?? ''), entries };
    }
    default: {
      const targets = all(target, spec.targetRefs);
      return { ...shared, about: 'policy', targets, ancestors: all(ancestor, status.ancestors) };
    }
  }
}

/** `kind/namespace/name`, as providers call an object; those of no namespace count as in `default`. */
export function idOf({ kind, namespace, name }: Pick<StatusObject, 'kind' | 'namespace' | 'name'>): string {
  return `${kind}/${namespace ?? 'default'}/${name}`;
}

/** Where a provider says that it is wrong. */
export function placeOf(kind: StatusKind, key: ObjectKey): string {
  return `${kind}/${key}`;
}

function ownParents(refs: unknown, namespace: string): OwnParent[] {
  return list(refs).flatMap((raw) => {
    const ref = parentRef.safeParse(raw).data;
    if (ref === undefined || !isServiceKind(ref)) return [];
    const [parent] = toParents([ref], namespace, new RuleFaults());
    return [{ ref: fields.parse(raw), parent }];
  });
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function all<T>(schema: z.ZodType<T>, value: unknown): T[] {
  return list(value).flatMap((one) => schema.safeParse(one).data ?? []);
}
