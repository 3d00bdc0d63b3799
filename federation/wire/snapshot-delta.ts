import { type CallerGroup, type CallerGroupKey, callerGroupKey } from '../model/caller.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import { MapDraft, mapDifference } from '../model/large-map.ts';
import type { ServiceKey } from '../model/service.ts';
import { isBackendKey, serviceKey } from '../model/service.ts';
import { type Peer, type RoutingSnapshot, type SnapshotService, snapshotKey } from '../model/snapshot.ts';
import type { TrustBundles } from './cluster-fields.ts';
import { inField, present, WireError } from './field-checks.ts';
import { serviceLists } from './service-fields.ts';
import { patchedService, type ServicePatch, servicePatch } from './service-patch.ts';

const NO_CALLERS: ReadonlyMap<CallerGroupKey, CallerGroup> = new Map();

/** What changed between two snapshots of one epoch. */
export interface SnapshotDelta {
  readonly epoch: number;
  readonly baseVersion: number;
  readonly version: number;
  readonly createdAtMs: number;
  readonly changedPeers: readonly Peer[];
  readonly removedPeers: readonly ClusterName[];
  readonly changedServices: readonly SnapshotService[];
  /** What else changed, where little of a service did; empty for a gateway that takes no patches. */
  readonly patchedServices: readonly ServicePatch[];
  readonly removedServices: readonly ServiceKey[];
  /** Of those that only routes led to, by the keys that they have in a snapshot. */
  readonly removedBackends: readonly ServiceKey[];
  /** Complete when they changed. */
  readonly trustBundles: TrustBundles | undefined;
  readonly changedCallers: readonly CallerGroup[];
  readonly removedCallers: readonly CallerGroupKey[];
  /** The local cluster's, as it is then. */
  readonly drain: Drain | undefined;
}

/**
 * The delta from `base` to `next`, found by object identity: the builder keeps the object of what did not
 * change. Undefined when none can be: another epoch or cluster, or an older version.
 * @param patches whether services of which little changed are patched
 */
export function diffSnapshots(
  base: RoutingSnapshot,
  next: RoutingSnapshot,
  patches = false,
): SnapshotDelta | undefined {
  if (base.epoch !== next.epoch || base.version > next.version || base.local !== next.local) return undefined;
  const peers = diffMaps(base.peers, next.peers);
  const callers = diffMaps(base.callers ?? NO_CALLERS, next.callers ?? NO_CALLERS);
  return {
    epoch: next.epoch,
    baseVersion: base.version,
    version: next.version,
    createdAtMs: next.createdAtMs,
    changedPeers: peers.changed,
    removedPeers: peers.removed,
    ...diffServices(base.services, next.services, patches),
    trustBundles: base.trustBundles === next.trustBundles ? undefined : next.trustBundles,
    changedCallers: callers.changed,
    removedCallers: callers.removed,
    drain: next.drain,
  };
}

function diffServices(
  base: RoutingSnapshot['services'],
  next: RoutingSnapshot['services'],
  patches: boolean,
): Pick<SnapshotDelta, 'changedServices' | 'patchedServices' | 'removedServices' | 'removedBackends'> {
  const { changed, removed } = mapDifference(base, next);
  const patchedServices: ServicePatch[] = [];
  const patch = ([key, service]: readonly [ServiceKey, SnapshotService]): boolean => {
    const before = base.get(key);
    // A patch says a name and no more, which is that of the clusterset's service.
    const found = before && !service.backendOnly ? servicePatch(before, service) : undefined;
    if (found !== undefined) patchedServices.push(found);
    return found !== undefined;
  };
  const whole = patches ? changed.filter((entry) => !patch(entry)) : changed;
  const { services, backends } = serviceLists(whole.map(([, service]) => service));
  return {
    changedServices: [...services, ...backends],
    patchedServices,
    removedServices: removed.filter((key) => !isBackendKey(key)),
    removedBackends: removed.filter(isBackendKey),
  };
}

function diffMaps<V>(base: ReadonlyMap<string, V>, next: ReadonlyMap<string, V>) {
  const { changed, removed } = mapDifference(base, next);
  return { changed: changed.map(([, value]) => value), removed };
}

/**
 * The snapshot after a delta. What the delta does not name keeps its object.
 * @throws WireError when `base` is not what the delta starts from, or lacks what the delta removes.
 */
export function applyDelta(base: RoutingSnapshot, delta: SnapshotDelta): RoutingSnapshot {
  if (base.epoch !== delta.epoch || base.version !== delta.baseVersion) {
    throw new WireError(
      `base_version: the delta starts from ${delta.epoch}/${delta.baseVersion}, here is ${base.epoch}/${base.version}`,
    );
  }
  const { changedPeers, changedCallers, removedCallers } = delta;
  const changedServices = [
    ...delta.changedServices,
    ...delta.patchedServices.map((patch) => applyPatch(base.services, patch)),
  ];
  const callersBefore = base.callers ?? NO_CALLERS;
  const callers = patch('callers', callersBefore, changedCallers, callerGroupKey, removedCallers);
  return {
    epoch: delta.epoch,
    version: delta.version,
    createdAtMs: delta.createdAtMs,
    local: base.local,
    peers: patch('peers', base.peers, changedPeers, (peer) => peer.cluster, delta.removedPeers),
    services: patch('services', base.services, changedServices, snapshotKey, [
      ...delta.removedServices,
      ...delta.removedBackends,
    ]),
    trustBundles: delta.trustBundles ?? base.trustBundles,
    ...(callers.size === 0 ? {} : { callers }),
    ...(delta.drain && { drain: delta.drain }),
  };
}

function applyPatch(services: RoutingSnapshot['services'], patch: ServicePatch): SnapshotService {
  const key = serviceKey(patch.service);
  const before = services.get(key);
  return inField(`patched_services.${JSON.stringify(key)}`, () => patchedService(present('', before), patch));
}

function patch<V>(
  field: string,
  base: ReadonlyMap<string, V>,
  changed: readonly V[],
  keyOf: (value: V) => string,
  removed: readonly string[],
): ReadonlyMap<string, V> {
  if (changed.length === 0 && removed.length === 0) return base;
  const patched = new MapDraft(base);
  for (const key of removed) {
    if (!patched.delete(key)) throw new WireError(`removed_${field}: ${JSON.stringify(key)} is not there`);
  }
  for (const value of changed) patched.set(keyOf(value), value);
  return patched.finish();
}
