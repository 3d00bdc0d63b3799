import type { PeerAvailability } from '../routing/peer-availability.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { tierReports } from '../routing/tier-report.ts';
import type { TrunkReport } from '../trunk/trunk-set.ts';
import { type MetricFamily, metricFamily } from './metric-family.ts';

/** What a worker's route table and trunks say about failover and health, at the time of a scrape. */
export function routingSamples(
  nowMs: number,
  table: RouteTable,
  trunks: readonly TrunkReport[],
): MetricFamily[] {
  return [...tierSamples(nowMs, table), failbackSamples(table.peers), ...trunkSamples(trunks)];
}

/** All workers come to the same plans, so what one of them says is what holds. */
function tierSamples(nowMs: number, table: RouteTable): MetricFamily[] {
  const tierLoad = metricFamily('tierLoad', 'max');
  const failoverActive = metricFamily('failoverActive', 'max');
  const healthy = metricFamily('endpointHealthy', 'min');
  const age = metricFamily('endpointAge', 'max');
  const ejections = metricFamily('endpointEjections');
  // A service has one series, although each of its ports has a route.
  const seen = new Set<string>();
  for (const report of tierReports(nowMs, table)) {
    const { service, key } = report.route;
    const labels = { destination_service: service.name, destination_namespace: service.namespace };
    if (seen.has(key)) continue;
    seen.add(key);
    report.loadRatios.forEach((value, tier) => {
      tierLoad.values.push({ labels: { ...labels, tier: tier + 1 }, value });
    });
    failoverActive.values.push({ labels, value: report.failoverActive ? 1 : 0 });
    for (const [cluster, value] of report.healthyHosts) {
      healthy.values.push({ labels: { cluster, ...labels }, value });
    }
    for (const [cluster, ageMs] of report.offerAgesMs) {
      age.values.push({ labels: { cluster, ...labels }, value: ageMs / 1000 });
    }
    if (report.ejections > 0) ejections.values.push({ labels, value: report.ejections });
  }
  return [tierLoad, failoverActive, healthy, age, ejections];
}

/** Each worker that serves a service counts its returns. */
function failbackSamples(peers: PeerAvailability): MetricFamily {
  const family = metricFamily('failbacks', 'max');
  for (const [cluster, value] of peers.failbacks()) family.values.push({ labels: { cluster }, value });
  return family;
}

function trunkSamples(trunks: readonly TrunkReport[]): MetricFamily[] {
  const up = metricFamily('trunkUp', 'max');
  const rtt = metricFamily('trunkRtt', 'min');
  const streams = metricFamily('trunkStreams');
  for (const { cluster, state, rttMs, openStreams } of trunks) {
    const labels = { cluster };
    up.values.push({ labels, value: state === 'up' ? 1 : 0 });
    if (rttMs !== undefined) rtt.values.push({ labels, value: rttMs / 1000 });
    streams.values.push({ labels, value: openStreams });
  }
  return [up, rtt, streams];
}
