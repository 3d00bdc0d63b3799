import type { ClusterName } from '../../model/cluster.ts';
import type { DocumentKey } from '../driver.ts';

/** All keys of a clusterset carry the same hash tag: one slot of a Redis Cluster, so one call may use several. */
export function keyPrefix(clusterset: string): string {
  return `isthmus:{${clusterset}}:`;
}

/** Where things stand for one clusterset. */
export class StoreKeys {
  readonly #prefix: string;

  constructor(clusterset: string) {
    this.#prefix = keyPrefix(clusterset);
  }

  get members(): string {
    return `${this.#prefix}members`;
  }

  fence(cluster: ClusterName): string {
    return `${this.#prefix}${cluster}:fence`;
  }

  lease(cluster: ClusterName): string {
    return `${this.#prefix}${cluster}:lease`;
  }

  head(cluster: ClusterName): string {
    return `${this.#prefix}${cluster}:head`;
  }

  services(cluster: ClusterName): string {
    return `${this.#prefix}${cluster}:services`;
  }

  log(cluster: ClusterName): string {
    return `${this.#prefix}${cluster}:log`;
  }

  /** What a writer puts aside before it becomes `services`. */
  staging(cluster: ClusterName, epoch: number): string {
    return `${this.#prefix}${cluster}:staging:${epoch}`;
  }

  document(key: DocumentKey): string {
    return key.kind === 'trust' ? `${this.#prefix}trust` : `${this.#prefix}${key.cluster}:bundle`;
  }
}
