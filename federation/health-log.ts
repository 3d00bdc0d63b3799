import type { Logger } from 'pino';
import type { RoutingSnapshot } from './model/snapshot.ts';

/** Tells of each peer that fails, returns, or is steady again. */
export function logHealth(log: Logger, before: RoutingSnapshot | undefined, after: RoutingSnapshot): void {
  for (const [cluster, { health, reach }] of after.peers) {
    const earlier = before?.peers.get(cluster);
    if (earlier !== undefined && earlier.health.kind === health.kind) continue;
    if (earlier === undefined && health.kind === 'steady') continue;
    log.info({ peer: cluster, health, reach }, `the peer is ${health.kind}`);
  }
}
