import { Counter, Gauge, Registry } from 'prom-client';
import { METRICS, type MetricDefinition } from '../model/metrics.ts';
import type { FederationState } from './state-report.ts';

type Setter = (gauge: Gauge, state: FederationState) => void;

const GAUGES: readonly (readonly [MetricDefinition, Setter])[] = [
  [METRICS.storeUp, (gauge, { store }) => gauge.set(store.state === 'up' ? 1 : 0)],
  [METRICS.snapshotVersion, (gauge, { snapshot }) => gauge.set(snapshot?.version ?? 0)],
  [
    METRICS.peerUp,
    (gauge, { peers }) => {
      for (const { cluster, reach } of peers) gauge.set({ cluster }, reach === 'synced' ? 1 : 0);
    },
  ],
  [
    METRICS.peerLastSeen,
    (gauge, { peers, nowMs }) => {
      for (const { cluster, lastSeenMs } of peers) {
        if (lastSeenMs > 0) gauge.set({ cluster }, Math.max(0, nowMs - lastSeenMs) / 1000);
      }
    },
  ],
  [
    METRICS.drained,
    (gauge, { cluster, drainedPercent, peers }) => {
      gauge.set({ cluster }, drainedPercent / 100);
      for (const peer of peers) gauge.set({ cluster: peer.cluster }, peer.drainedPercent / 100);
    },
  ],
  [
    METRICS.certificateExpiry,
    (gauge, { certificates, nowMs }) => {
      const { svidNotAfterMs, intermediateNotAfterMs, rootNotAfterMs } = certificates;
      if (svidNotAfterMs !== undefined) gauge.set({ kind: 'svid' }, (svidNotAfterMs - nowMs) / 1000);
      gauge.set({ kind: 'intermediate' }, (intermediateNotAfterMs - nowMs) / 1000);
      gauge.set({ kind: 'root' }, (rootNotAfterMs - nowMs) / 1000);
    },
  ],
];

/** The federation service's metrics in Prometheus' text format, read off its state when they are asked for. */
export function printMetrics(state: FederationState): Promise<string> {
  const registry = new Registry();
  for (const [{ name, help, labels }, set] of GAUGES) {
    set(new Gauge({ name, help, labelNames: [...labels], registers: [registry] }), state);
  }
  const { name, help, labels } = METRICS.federationRejected;
  const rejected = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
  for (const [reason, count] of Object.entries(state.rejectedConnections)) rejected.inc({ reason }, count);
  return registry.metrics();
}
