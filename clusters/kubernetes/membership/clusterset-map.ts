import { z } from 'zod';
import type { Locality } from '../../../federation/model/cluster.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { CONFIG_MAPS, MANAGED_BY } from './resource-types.ts';

/** What gateways must know of their cluster's membership; nothing of it is secret. */
export interface ClustersetFacts {
  readonly cluster: string;
  readonly clusterset: string;
  readonly locality: Locality;
  /** A SPIFFE bundle, JSON. */
  readonly bundle: string;
}

const MAX_BUNDLE_CHARACTERS = 512 * 1024;

const mapSchema = z.object({
  metadata: z.object({ uid: z.string(), resourceVersion: z.string() }),
  data: z
    .object({
      cluster: z.string().min(1).max(63),
      clusterset: z.string().min(1).max(255),
      region: z.string().min(1).max(63),
      zone: z.string().min(1).max(63),
      'bundle.json': z.string().min(1).max(MAX_BUNDLE_CHARACTERS),
    })
    .optional(),
});

/** undefined for what is not there, or not one of ours. */
export function clustersetFacts(object: unknown): ClustersetFacts | undefined {
  const data = mapSchema.safeParse(object).data?.data;
  if (data === undefined) return undefined;
  const { cluster, clusterset, region, zone } = data;
  return { cluster, clusterset, locality: { region, zone }, bundle: data['bundle.json'] };
}

export interface ClustersetMapOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update' | 'delete'>;
  readonly namespace: string;
  readonly name: string;
}

/** The ConfigMap that tells this cluster's gateways of its membership. */
export class ClustersetMap {
  readonly #options: ClustersetMapOptions;

  constructor(options: ClustersetMapOptions) {
    this.#options = options;
  }

  /**
   * Makes it say this. A replica that heard of a change later than another takes it back for a moment, and gives it
   * again when it has heard of it. @throws KubeError
   */
  async publish(facts: ClustersetFacts): Promise<void> {
    const { client, namespace, name } = this.#options;
    const found = await this.#read();
    const before = clustersetFacts(found);
    if (before !== undefined && isSame(before, facts)) return;
    const { cluster, clusterset, locality, bundle } = facts;
    const data = { cluster, clusterset, ...locality, 'bundle.json': bundle };
    const metadata = { name, namespace, labels: MANAGED_BY };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', data };
    const { uid, resourceVersion } = mapSchema.safeParse(found).data?.metadata ?? {};
    if (uid === undefined || resourceVersion === undefined) {
      await client.create(CONFIG_MAPS, { ...object, metadata });
    } else {
      await client.update(CONFIG_MAPS, { ...object, metadata: { ...metadata, uid, resourceVersion } });
    }
  }

  async remove(): Promise<void> {
    const { client, namespace, name } = this.#options;
    try {
      await client.delete(CONFIG_MAPS, { namespace, name });
    } catch (failure) {
      if (!KubeError.isNotFound(failure)) throw failure;
    }
  }

  async #read(): Promise<unknown> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get(CONFIG_MAPS, { namespace, name });
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return undefined;
      throw failure;
    }
  }
}

function isSame(one: ClustersetFacts, other: ClustersetFacts): boolean {
  return (
    one.cluster === other.cluster &&
    one.clusterset === other.clusterset &&
    one.locality.region === other.locality.region &&
    one.locality.zone === other.locality.zone &&
    one.bundle === other.bundle
  );
}
