import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import { nextOfferHealth, type OfferHealth, shownHealth, UNPROVEN } from './offer-health.ts';

export type OfferMemory = readonly [ServiceKey, ClusterName, PeerHealth];
type KnownOffer = readonly [ServiceKey, ClusterName, OfferHealth];

/** How each cluster's hosts of each service have fared. */
export class OfferBook {
  /** What stays as it was is the same object. */
  readonly #health = new Map<ServiceKey, readonly KnownOffer[]>();
  #memory: readonly OfferMemory[] | undefined;

  /** @param remembered what an earlier process knew */
  constructor(remembered: Iterable<OfferMemory> = []) {
    for (const offer of remembered) {
      const [key] = offer;
      this.#health.set(key, [...(this.#health.get(key) ?? []), offer]);
    }
  }

  /** Looks at what the clusters offer of one service now; those that offer it no more are forgotten. */
  judge(
    key: ServiceKey,
    offers: readonly { readonly cluster: ClusterName; readonly record: ServiceRecord }[],
    minHealthyPercent: number,
    nowMs: number,
  ): void {
    if (offers.length === 0) {
      if (this.#health.delete(key)) this.#memory = undefined;
      return;
    }
    const before = this.#health.get(key) ?? [];
    const after = offers.map(({ cluster, record }): KnownOffer => {
      const known = before.find(([, name]) => name === cluster);
      const health = known?.[2] ?? UNPROVEN;
      const next = nextOfferHealth(health, record.localities, minHealthyPercent, nowMs);
      return known !== undefined && next === health ? known : [key, cluster, next];
    });
    if (after.length === before.length && after.every((offer, index) => offer === before[index])) return;
    this.#health.set(key, after);
    this.#memory = undefined;
  }

  healthOf(key: ServiceKey, cluster: ClusterName): PeerHealth {
    const known = this.#health.get(key)?.find(([, name]) => name === cluster);
    return shownHealth(known?.[2] ?? UNPROVEN);
  }

  /**
   * What a later process must know: who had hosts that could answer, too, or a loss while it is away is no loss. The same
   * objects for what stays the same, the list itself included.
   */
  get memory(): readonly OfferMemory[] {
    this.#memory ??= [...this.#health.values()].flatMap((offers) => offers.filter(isProven));
    return this.#memory;
  }
}

function isProven(offer: KnownOffer): offer is OfferMemory {
  return offer[2].kind !== 'unproven';
}
