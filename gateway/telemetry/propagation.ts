import type { ClusterName } from '../../federation/model/cluster.ts';
import { mapDifference } from '../../federation/model/large-map.ts';
import { METRICS } from '../../federation/model/metrics.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { DurationCells } from './duration-cells.ts';
import { addHistogram, type MetricFamily, metricFamily } from './metric-family.ts';

const BOUNDS: readonly number[] = METRICS.propagation.buckets ?? [];

/** An offer that is new in a snapshot, and how long its news took to be in force here. */
export interface Propagated {
  readonly cluster: ClusterName;
  readonly seconds: number;
}

/**
 * What changed from one snapshot to the next that is in force at `nowMs`. An offer counts when its cluster said
 * something newer; clocks that disagree can make it 0, never less.
 */
export function propagated(
  previous: RoutingSnapshot,
  snapshot: RoutingSnapshot,
  nowMs: number,
): readonly Propagated[] {
  const found: Propagated[] = [];
  for (const [key, service] of mapDifference(previous.services, snapshot.services).changed) {
    const before = previous.services.get(key);
    // Its Service may be older than the route that leads to it.
    if (before === undefined && service.backendOnly) continue;
    for (const { cluster, changedAtMs } of service.offers) {
      const known = before?.offers.find((offer) => offer.cluster === cluster)?.changedAtMs ?? 0;
      if (changedAtMs > known) found.push({ cluster, seconds: Math.max(0, nowMs - changedAtMs) / 1000 });
    }
  }
  return found;
}

/** `isthmus_propagation_seconds` by source cluster. */
export class PropagationMeter {
  readonly #cells = new Map<ClusterName, DurationCells>();

  observe(changes: readonly Propagated[]): void {
    for (const { cluster, seconds } of changes) {
      let cells = this.#cells.get(cluster);
      if (cells === undefined) {
        cells = new DurationCells(BOUNDS);
        this.#cells.set(cluster, cells);
      }
      cells.observe(seconds);
    }
  }

  samples(): MetricFamily {
    const family = metricFamily('propagation');
    for (const [cluster, cells] of this.#cells) {
      addHistogram(family, BOUNDS, { source_cluster: cluster }, cells);
    }
    return family;
  }
}
