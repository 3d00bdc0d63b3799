import type { FederationState, PeerState, Readiness } from './state-report.ts';

/** The state for a person. */
export function stateText(state: FederationState): string {
  const { cluster, clusterset, store, snapshot, gateways } = state;
  return [
    `cluster ${cluster} of ${clusterset}: ${readinessText(state.readiness)}`,
    ...problems(state.readiness).map((problem) => `  ! ${problem}`),
    `store ${store.state}, ${publisherText(state)}, ${store.exportedServices} services exported`,
    snapshot === undefined
      ? 'no snapshot yet'
      : `snapshot ${snapshot.epoch}/${snapshot.version}: ${snapshot.services} services`,
    ...(state.drainedPercent > 0 ? [`drained: ${state.drainedPercent} % of its share is taken`] : []),
    '',
    ...table(
      ['PEER', 'REACH', 'HEALTH', 'DRAINED', 'LAST SEEN', 'SERVICES', 'LOCALITY'],
      state.peers.map((peer) => peerRow(peer, state.nowMs)),
    ),
    '',
    ...table(
      ['GATEWAY', 'FROM', 'SENT', 'ACKNOWLEDGED', 'REFUSED'],
      gateways.map((gateway) => [
        gateway.gateway,
        gateway.remoteAddress,
        gateway.follows === 'another-replica' ? 'by another replica' : String(gateway.sentVersion ?? '-'),
        String(gateway.ackedVersion ?? '-'),
        gateway.refused === undefined ? '-' : `${gateway.refused.version}: ${gateway.refused.reason}`,
      ]),
    ),
    ...state.conflicts.map(
      ({ service, cluster, message }) => `conflict: ${service} of ${cluster}: ${message}`,
    ),
    ...state.refusedRecords.map(
      ({ service, cluster, reason }) => `ignored: ${service} of ${cluster}: ${reason}`,
    ),
    '',
  ].join('\n');
}

function readinessText(readiness: Readiness): string {
  return readiness.kind === 'starting' ? `waits for ${readiness.waitingFor}` : readiness.kind;
}

function problems(readiness: Readiness): readonly string[] {
  return readiness.kind === 'ready' ? [] : readiness.problems;
}

function publisherText({ store: { publisher, pendingChanges } }: FederationState): string {
  switch (publisher.kind) {
    case 'leading':
      return pendingChanges === 0 ? 'leading' : `leading, ${pendingChanges} changes wait`;
    case 'standby':
      return `${publisher.leader} leads`;
    default:
      return publisher.kind;
  }
}

function peerRow(peer: PeerState, nowMs: number): readonly string[] {
  const seen = peer.lastSeenMs === 0 ? 'never' : `${((nowMs - peer.lastSeenMs) / 1000).toFixed(1)} s ago`;
  const { region, zone } = peer.locality;
  return [
    peer.cluster,
    peer.problem === undefined ? peer.reach : `${peer.reach} (${peer.problem})`,
    peer.health.kind,
    peer.drainedPercent === 0 ? '-' : `${peer.drainedPercent} %`,
    seen,
    String(peer.services),
    region === '' ? '-' : `${region}/${zone}`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
