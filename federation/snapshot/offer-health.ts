import type { LocalityHosts } from '../model/service.ts';
import type { PeerHealth } from '../model/snapshot.ts';

/** A cluster's hosts of one service: as a peer's health, and what was never seen with a host that could answer. */
export type OfferHealth = PeerHealth | { readonly kind: 'unproven' };

export const UNPROVEN: OfferHealth = { kind: 'unproven' };

/**
 * The state after a look at the offer's hosts.
 *
 * - no host can take a request: failing, unless that was never otherwise
 * - at least `minHealthyPercent` of its hosts can again: returning from now on, always later than the loss
 * - hosts whose first active check is pending count neither way
 *
 * A state `returning` stays: once its steps are done it means the same as `steady`, and it proves to a gateway
 * that lost the cluster that this was seen.
 */
export function nextOfferHealth(
  health: OfferHealth,
  localities: readonly LocalityHosts[],
  minHealthyPercent: number,
  nowMs: number,
): OfferHealth {
  const total = sum(localities, 'hosts');
  const excluded = sum(localities, 'excluded');
  const available = sum(localities, 'healthy') + sum(localities, 'degraded');
  if (available === 0) {
    if (excluded > 0 || health.kind === 'failing' || health.kind === 'unproven') return health;
    return { kind: 'failing', sinceMs: nowMs };
  }
  if (health.kind === 'unproven') return { kind: 'steady' };
  if (health.kind !== 'failing') return health;
  if (available * 100 < minHealthyPercent * (total - excluded)) return health;
  return { kind: 'returning', healthySinceMs: Math.max(nowMs, health.sinceMs + 1) };
}

/** What the snapshot says: without proof of a loss, a cluster has its full share. */
export function shownHealth(health: OfferHealth): PeerHealth {
  return health.kind === 'unproven' ? { kind: 'steady' } : health;
}

type Count = 'hosts' | 'healthy' | 'degraded' | 'excluded';

function sum(localities: readonly LocalityHosts[], count: Count): number {
  return localities.reduce((total, locality) => total + locality[count], 0);
}
