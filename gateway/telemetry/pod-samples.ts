import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Svid } from '../../trust/svid.ts';
import { type MetricFamily, metricFamily } from './metric-family.ts';

/** What the parent process knows for the whole pod. */
export interface PodState {
  readonly snapshot: RoutingSnapshot | undefined;
  readonly svid: Svid | undefined;
}

/** @param nowMs Unix ms */
export function podSamples(nowMs: number, { snapshot, svid }: PodState): MetricFamily[] {
  const version = metricFamily('snapshotVersion');
  const peerUp = metricFamily('peerUp');
  const lastSeen = metricFamily('peerLastSeen');
  const expiry = metricFamily('certificateExpiry');
  if (snapshot !== undefined) version.values.push({ labels: {}, value: snapshot.version });
  for (const { cluster, reach, lastSeenMs } of snapshot?.peers.values() ?? []) {
    peerUp.values.push({ labels: { cluster }, value: reach === 'synced' ? 1 : 0 });
    if (lastSeenMs > 0) lastSeen.values.push({ labels: { cluster }, value: (nowMs - lastSeenMs) / 1000 });
  }
  if (svid !== undefined) {
    expiry.values.push({ labels: { kind: 'svid' }, value: (svid.notAfterMs - nowMs) / 1000 });
  }
  return [version, peerUp, lastSeen, expiry];
}
