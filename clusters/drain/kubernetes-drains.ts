import { z } from 'zod';
import type { ClusterName } from '../../federation/model/cluster.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { CLUSTER_PEERS, MANAGED_BY } from '../kubernetes/membership/resource-types.ts';
import { clusterPeerSchema, toPeerRule } from '../schema/cluster-peer-schema.ts';
import { type DrainSight, type DrainSite, drainFields, type WrittenOrder } from './drain-site.ts';

const FIELD_MANAGER = 'isthmus-drain';
/** How often somebody else may change the object while we take a drain out of it. */
const TRIES = 5;

const found = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.record(z.string(), z.unknown()).default({}),
});

type FoundPeer = z.infer<typeof found>;

type Client = Pick<KubeClient, 'get' | 'apply' | 'update' | 'delete' | 'close'>;

/** Where the ClusterPeers are, and how the federation service there is asked. */
export interface KubernetesDrainOptions {
  readonly context: string;
  /** How kubectl is told of it, as a shell takes it. */
  readonly flags: string;
  readonly client: Client;
  readonly sight: () => Promise<DrainSight>;
}

/** Drains of a Kubernetes cluster: in its ClusterPeers. */
export function kubernetesDrains({ context, flags, client, sight }: KubernetesDrainOptions): DrainSite {
  const asked = async <T>(asking: () => Promise<T>): Promise<T> => {
    try {
      return await asking();
    } catch (failure) {
      throw failure instanceof KubeError ? refusal({ context, flags }, failure) : failure;
    }
  };
  return {
    sight,
    order: (cluster) =>
      asked(async () => {
        const object = await read(client, cluster);
        return object && toPeerRule(clusterPeerSchema.parse({ ...object, kind: 'ClusterPeer' })).drain;
      }),
    write: (cluster, order) =>
      asked(() => (order === undefined ? remove(client, cluster) : apply(client, cluster, order))),
    close: () => client.close(),
  };
}

/** Server-side apply: fields of other owners stay, and a drain that somebody else wrote becomes ours. */
async function apply(client: Client, cluster: ClusterName, order: WrittenOrder): Promise<void> {
  const before = await read(client, cluster);
  const isOurs = before === undefined || isOnlyOurs(before);
  await client.apply(
    CLUSTER_PEERS,
    {
      apiVersion: 'isthmus.io/v1alpha1',
      kind: 'ClusterPeer',
      // Only what we make is ours to remove again.
      metadata: { name: cluster, ...(isOurs ? { labels: MANAGED_BY } : {}) },
      spec: { drain: drainFields(order) },
    },
    { fieldManager: FIELD_MANAGER },
  );
}

/** Takes the drain out, whoever wrote it; an object of ours that says nothing then goes too. */
async function remove(client: Client, cluster: ClusterName): Promise<void> {
  for (let tries = 1; ; tries++) {
    const object = await read(client, cluster);
    if (object === undefined) return;
    try {
      await (isOnlyOurs(object) ? deleteThis(client, object) : withoutDrain(client, object));
      return;
    } catch (failure) {
      if (!KubeError.isConflict(failure) || tries === TRIES) throw failure;
    }
  }
}

function isOnlyOurs({ metadata, spec }: FoundPeer): boolean {
  const [label = ''] = Object.keys(MANAGED_BY);
  const isLabelled = metadata.labels[label] === 'isthmus';
  return isLabelled && Object.keys(spec).every((field) => field === 'drain');
}

async function deleteThis(client: Client, { metadata }: FoundPeer): Promise<void> {
  const { name, uid, resourceVersion } = metadata;
  await client.delete(CLUSTER_PEERS, { name }, { uid, resourceVersion });
}

async function withoutDrain(client: Client, object: FoundPeer): Promise<void> {
  const { drain: _gone, ...spec } = object.spec;
  const { metadata } = object;
  await client.update(CLUSTER_PEERS, {
    ...object,
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'ClusterPeer',
    metadata,
    spec,
  });
}

async function read(client: Client, name: ClusterName): Promise<FoundPeer | undefined> {
  try {
    return found.parse(await client.get(CLUSTER_PEERS, { name }));
  } catch (failure) {
    if (KubeError.isNotFound(failure)) return undefined;
    throw failure;
  }
}

function refusal(
  { context, flags }: Pick<KubernetesDrainOptions, 'context' | 'flags'>,
  failure: KubeError,
): UserError {
  const { status, message } = failure;
  const hints: Readonly<Record<number, string>> = {
    401: `log in again: kubectl ${flags} get nodes asks for the same`,
    403: 'the context must be allowed to get, create, patch, update and delete clusterpeers.isthmus.io',
    404: "install Isthmus' CRDs: they are a part of its chart",
  };
  return new UserError(`context ${context}: ${message}`, {
    hint: hints[status] ?? `see whether kubectl ${flags} get clusterpeers works from here`,
    cause: failure,
  });
}
