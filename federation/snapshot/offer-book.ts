import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import { nextOfferHealth, type OfferHealth, shownHealth, UNPROVEN } from './offer-health.ts';

/** How each cluster's hosts of each service have fared. */
export class OfferBook {
  readonly #health = new Map<ServiceKey, Map<ClusterName, OfferHealth>>();

  /** @param remembered what an earlier process knew */
  constructor(remembered: Iterable<readonly [ServiceKey, ClusterName, PeerHealth]> = []) {
    for (const [key, cluster, health] of remembered) this.#offers(key).set(cluster, health);
  }

  /** Looks at what the clusters offer of one service now; those that offer it no more are forgotten. */
  judge(
    key: ServiceKey,
    offers: readonly { readonly cluster: ClusterName; readonly record: ServiceRecord }[],
    minHealthyPercent: number,
    nowMs: number,
  ): void {
    const before = this.#health.get(key);
    const after = new Map<ClusterName, OfferHealth>();
    for (const { cluster, record } of offers) {
      const health = before?.get(cluster) ?? UNPROVEN;
      after.set(cluster, nextOfferHealth(health, record.localities, minHealthyPercent, nowMs));
    }
    if (after.size === 0) this.#health.delete(key);
    else this.#health.set(key, after);
  }

  healthOf(key: ServiceKey, cluster: ClusterName): PeerHealth {
    return shownHealth(this.#health.get(key)?.get(cluster) ?? UNPROVEN);
  }

  /** What a later process must know: who had hosts that could answer, too, or a loss while it is away is no loss. */
  *memories(): Iterable<readonly [ServiceKey, ClusterName, PeerHealth]> {
    for (const [key, offers] of this.#health) {
      for (const [cluster, health] of offers) {
        if (health.kind !== 'unproven') yield [key, cluster, health];
      }
    }
  }

  #offers(key: ServiceKey): Map<ClusterName, OfferHealth> {
    return this.#health.getOrInsertComputed(key, () => new Map());
  }
}
