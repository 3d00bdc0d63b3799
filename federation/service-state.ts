import type { FederationState, PeerState } from './admin/state-report.ts';
import { judgeReadiness } from './admin/state-report.ts';
import type { MemberConfig } from './config.ts';
import { drainedPercent, drainState, lastMembers } from './drain-state.ts';
import type { ClusterName } from './model/cluster.ts';
import type { ServiceKey } from './model/service.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';
import type { GivenParts, ServiceParts } from './service-parts.ts';

const MAX_REFUSED_RECORDS = 1000;
const MAX_SOLE_SERVICES = 1000;
const MAX_LAST_MEMBERS = 100;
const HELD =
  'this process found nothing on its disk: gateways keep the snapshot that they have until the others are heard, also what ' +
  'changed in this cluster waits for that';

/** Everything that a person or `isthmus cluster status` asks of a federation service. */
export function describeState(
  { local }: MemberConfig,
  { provider, driver, clock, outsideProblems }: GivenParts,
  parts: ServiceParts,
  { startedAtMs, rejectedConnections }: Pick<FederationState, 'startedAtMs' | 'rejectedConnections'>,
): FederationState {
  const { trust, publisher, routing } = parts;
  const snapshot = routing.history.value;
  const { intermediateNotAfterMs, rootNotAfterMs } = trust.trust.value;
  const last =
    snapshot === undefined
      ? new Map<ClusterName, readonly ServiceKey[]>()
      : lastMembers(snapshot, MAX_LAST_MEMBERS);
  const nowMs = clock.now();
  return {
    cluster: local.name,
    clusterset: local.clusterset,
    trustDomain: local.trustDomain,
    locality: local.locality,
    nowMs,
    startedAtMs,
    readiness: judgeReadiness({
      hasSnapshot: snapshot !== undefined,
      listed: routing.started,
      problems: [...problemsOf({ provider, driver }, parts), ...(outsideProblems?.value ?? [])],
    }),
    snapshot: snapshot && {
      epoch: snapshot.epoch,
      version: snapshot.version,
      createdAtMs: snapshot.createdAtMs,
      services: snapshot.services.size,
    },
    store: {
      state: driver.state.value,
      problem: driver.problem.value?.message,
      publisher: publisher.state.value,
      pendingChanges: publisher.pendingCount,
      exportedServices: routing.exporter.records.size,
    },
    peers: peersOf(parts, last, nowMs),
    onlyHere: snapshot === undefined ? [] : soleServices(snapshot),
    drain: drainState(snapshot?.drain, nowMs),
    drainedPercent: drainedPercent({ drain: snapshot?.drain }, nowMs),
    lastMemberOf: last.get(local.name) ?? [],
    gateways: routing.gateways.statuses,
    rejectedConnections,
    conflicts: routing.conflicts,
    refusedRecords: routing.importer.refusals(MAX_REFUSED_RECORDS),
    resourceProblems: [...provider.problems.value, ...routing.policyProblems],
    certificates: {
      svidNotAfterMs: trust.svid.value?.notAfterMs,
      intermediateNotAfterMs,
      rootNotAfterMs,
    },
  };
}

/** Of the services that this cluster offers, those that no other one offers. */
function soleServices({ services, local }: RoutingSnapshot): readonly ServiceKey[] {
  const sole: ServiceKey[] = [];
  for (const [key, { offers, backendOnly }] of services) {
    if (backendOnly) continue;
    if (sole.length < MAX_SOLE_SERVICES && offers.length === 1 && offers[0]?.cluster === local.name)
      sole.push(key);
  }
  return sole;
}

function peersOf(
  { routing, follower }: ServiceParts,
  last: ReadonlyMap<ClusterName, readonly ServiceKey[]>,
  nowMs: number,
): readonly PeerState[] {
  return [...(routing.history.value?.peers.values() ?? [])].map((peer) => {
    const view = follower.views.get(peer.cluster);
    return {
      ...peer,
      lastSeenMs: view?.lastSeenMs ?? 0,
      services: view?.records.size ?? 0,
      announcedDrain: drainState(peer.announcedDrain, nowMs),
      drain: drainState(peer.drain, nowMs),
      drainedPercent: drainedPercent(peer, nowMs),
      lastMemberOf: last.get(peer.cluster) ?? [],
      bundleSequence: view?.head?.bundleSequence,
      problem: view?.problem,
    };
  });
}

/** Why something is not saved, or not as fresh as it should be. */
export function stateProblems({ follower, keeper, ports, trust }: ServiceParts): readonly string[] {
  const disk = follower.diskProblem.value;
  return [
    ...(disk === undefined ? [] : [disk.message]),
    ...keeper.problems,
    ...ports.problems,
    ...trust.problems,
  ];
}

function problemsOf(
  { provider, driver }: Pick<GivenParts, 'provider' | 'driver'>,
  parts: ServiceParts,
): readonly string[] {
  const { publisher, routing } = parts;
  const store =
    driver.problem.value?.message ?? (driver.state.value === 'down' ? 'the store is away' : undefined);
  const publishing = publisher.problem.value?.message;
  return [
    store,
    publishing === store ? undefined : publishing,
    ...stateProblems(parts),
    ...(routing.history.isHeld ? [HELD] : []),
    ...publisher.omissions,
    ...routing.admission.problems,
    ...[...provider.problems.value, ...routing.policyProblems].map(
      ({ where, message }) => `${where}: ${message}`,
    ),
  ].filter((problem) => problem !== undefined);
}
