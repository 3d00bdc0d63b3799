import type { z } from 'zod';
import { accessPolicySchema } from '../schema/access-policy-schema.ts';
import { clusterPeerSchema } from '../schema/cluster-peer-schema.ts';
import { failoverPolicySchema } from '../schema/failover-policy-schema.ts';
import { clusterPeerStatus, policyStatus } from '../schema/status-schema.ts';
import { trafficPolicySchema } from '../schema/traffic-policy-schema.ts';

/** A column of `kubectl get`; priority 1 is shown by `-o wide` alone. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date' | 'integer' | 'number';
  readonly description?: string;
  readonly jsonPath: string;
  readonly priority?: 1;
}

/** One of our own kinds, and all that its CRD says beside its schema. */
export interface CustomKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly labels: Readonly<Record<string, string>>;
  readonly schema: z.ZodObject<{ metadata: z.ZodObject<{ name: z.ZodType }>; spec: z.ZodType }>;
  readonly status: z.ZodType;
  readonly columns: readonly PrinterColumn[];
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

const POLICY_COLUMNS: readonly PrinterColumn[] = [
  {
    name: 'Target',
    type: 'string',
    description: 'The first service that the policy is for.',
    jsonPath: '.spec.targetRefs[0].name',
  },
  {
    name: 'Accepted',
    type: 'string',
    description: 'Whether the policy is in force for its first target.',
    jsonPath: '.status.ancestors[0].conditions[?(@.type=="Accepted")].status',
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'Why it is in force, or is not.',
    jsonPath: '.status.ancestors[0].conditions[?(@.type=="Accepted")].reason',
    priority: 1,
  },
  AGE,
];

/** GEP-713: what affects only what it names, and no objects below that. */
const POLICY = {
  scope: 'Namespaced',
  categories: ['isthmus'],
  labels: { 'gateway.networking.k8s.io/policy': 'Direct' },
  status: policyStatus,
  columns: POLICY_COLUMNS,
} as const;

function conditionColumn(name: string, description: string): PrinterColumn {
  return { name, type: 'string', description, jsonPath: `.status.conditions[?(@.type=="${name}")].status` };
}

export const CUSTOM_KINDS: readonly CustomKind[] = [
  {
    ...POLICY,
    kind: 'FailoverPolicy',
    plural: 'failoverpolicies',
    shortNames: ['fop'],
    schema: failoverPolicySchema,
  },
  {
    ...POLICY,
    kind: 'TrafficPolicy',
    plural: 'trafficpolicies',
    shortNames: ['tp'],
    schema: trafficPolicySchema,
  },
  {
    ...POLICY,
    kind: 'AccessPolicy',
    plural: 'accesspolicies',
    shortNames: ['acp'],
    schema: accessPolicySchema,
  },
  {
    kind: 'ClusterPeer',
    plural: 'clusterpeers',
    shortNames: ['peer'],
    categories: ['isthmus'],
    scope: 'Cluster',
    labels: {},
    schema: clusterPeerSchema,
    status: clusterPeerStatus,
    columns: [
      conditionColumn('Connected', 'Whether a gateway here has a trunk to one there.'),
      conditionColumn('Trusted', 'Whether its certificates are accepted.'),
      conditionColumn('Synced', 'Whether what it says of itself is read, signed and current.'),
      {
        name: 'Drain',
        type: 'string',
        description: 'How far a drain has taken its requests away; empty where there is none.',
        jsonPath: '.status.drain',
      },
      {
        name: 'Last seen',
        type: 'date',
        description: 'How long ago its newest signed word was issued.',
        jsonPath: '.status.lastSeen',
      },
      {
        name: 'Round trip ms',
        type: 'number',
        description: 'Round trip of a ping to it, in milliseconds.',
        jsonPath: '.status.roundTripMs',
      },
      {
        name: 'Services',
        type: 'integer',
        description: 'How many services it offers to this cluster.',
        jsonPath: '.status.services',
      },
      {
        name: 'Trust domain',
        type: 'string',
        description: 'SPIFFE trust domain of the cluster.',
        jsonPath: '.spec.trustDomain',
        priority: 1,
      },
      AGE,
    ],
  },
];
