import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { backendKey, namedKey, type ServiceKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { BOUNDS } from './bounds.ts';
import { callerGroupFromWire, callerGroupToWire } from './caller-fields.ts';
import {
  drainFromWire,
  drainToWire,
  peerFromWire,
  peerToWire,
  trustBundlesFromWire,
  trustBundlesToWire,
} from './cluster-fields.ts';
import {
  decoded,
  keyOfService,
  label,
  listOf,
  mapOf,
  plainText,
  safeInteger,
  understood,
} from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { partsOf } from './message-parts.ts';
import { patchFromBytes } from './patch-bytes.ts';
import { patchFromWire, patchMessage } from './patch-fields.ts';
import {
  serviceFromBytes,
  serviceFromWire,
  serviceLists,
  serviceToWire,
  withBackends,
} from './service-fields.ts';
import type { ServicePatch } from './service-patch.ts';
import type { SnapshotDelta } from './snapshot-delta.ts';
import type { ReadingOptions } from './snapshot-message.ts';

export function deltaToWire(delta: SnapshotDelta): wire.SnapshotDelta {
  const { services, backends } = serviceLists(delta.changedServices);
  return create(wire.SnapshotDeltaSchema, {
    epoch: BigInt(delta.epoch),
    baseVersion: BigInt(delta.baseVersion),
    snapshotVersion: BigInt(delta.version),
    createdAtMs: BigInt(delta.createdAtMs),
    changedPeers: delta.changedPeers.map(peerToWire),
    removedPeers: [...delta.removedPeers],
    changedServices: services.map(serviceToWire),
    removedServices: [...delta.removedServices],
    changedBackends: backends.map(serviceToWire),
    removedBackends: delta.removedBackends.map(namedKey),
    patchedServices: delta.patchedServices.map(patchToWire),
    changedCallers: delta.changedCallers.map(callerGroupToWire),
    removedCallers: [...delta.removedCallers],
    drain: drainToWire(delta.drain),
    trustBundlesChanged: delta.trustBundles !== undefined,
    trustBundles: delta.trustBundles === undefined ? [] : trustBundlesToWire(delta.trustBundles),
  });
}

function patchToWire(patch: ServicePatch): wire.ServicePatch {
  return fromBinary(wire.ServicePatchSchema, patchMessage(patch));
}

/** @throws WireError naming the field that breaks the contract; nothing is repaired. */
export function deltaFromWire(message: wire.SnapshotDelta): SnapshotDelta {
  const { changedServices, patchedServices } = message;
  return deltaWith(message, {
    changed: () => mapOf('changed_services', changedServices, BOUNDS.services, serviceFromWire),
    patched: () => mapOf('patched_services', patchedServices, BOUNDS.services, patchFromWire),
  });
}

/** Reads them, each in its turn. */
interface DeltaServices {
  readonly changed: () => ReadonlyMap<ServiceKey, SnapshotService>;
  readonly patched: () => ReadonlyMap<ServiceKey, ServicePatch>;
}

function deltaWith(message: wire.SnapshotDelta, { changed, patched }: DeltaServices): SnapshotDelta {
  understood(message);
  const peers = mapOf('changed_peers', message.changedPeers, BOUNDS.peers, (item) => {
    const peer = peerFromWire(item);
    return [peer.cluster, peer] as const;
  });
  const callers = mapOf('changed_callers', message.changedCallers, BOUNDS.callerGroups, callerGroupFromWire);
  const services = withBackends(changed(), message.changedBackends);
  return {
    epoch: safeInteger('epoch', message.epoch),
    baseVersion: safeInteger('base_version', message.baseVersion),
    version: safeInteger('snapshot_version', message.snapshotVersion),
    createdAtMs: safeInteger('created_at_ms', message.createdAtMs),
    changedPeers: [...peers.values()],
    removedPeers: listOf('removed_peers', message.removedPeers, BOUNDS.peers, (name) => label('', name)),
    changedServices: [...services.values()],
    patchedServices: [...patched().values()],
    removedServices: serviceKeys('removed_services', message.removedServices),
    removedBackends: serviceKeys('removed_backends', message.removedBackends).map(backendKey),
    trustBundles: message.trustBundlesChanged ? trustBundlesFromWire(message.trustBundles) : undefined,
    changedCallers: [...callers.values()],
    removedCallers: listOf('removed_callers', message.removedCallers, BOUNDS.callerGroups, (key) =>
      plainText('', key, BOUNDS.callerKeyLength),
    ),
    drain: drainFromWire('drain', message.drain),
  };
}

function serviceKeys(field: string, keys: readonly string[]): ServiceKey[] {
  return listOf(field, keys, BOUNDS.services, (key) => keyOfService('', key));
}

export function deltaToBytes(delta: SnapshotDelta): Uint8Array {
  return toBinary(wire.SnapshotDeltaSchema, deltaToWire(delta));
}

/**
 * `read` gets copies, which keep nothing else of `bytes` in memory.
 * @throws WireError when the bytes are no delta or one that breaks the contract
 */
export function deltaFromBytes(bytes: Uint8Array, { before, read }: ReadingOptions = {}): SnapshotDelta {
  const { changedServices, patchedServices } = wire.SnapshotDeltaSchema.field;
  const services = decoded('delta', () => partsOf(bytes, changedServices.number));
  const patches = decoded('delta', () => partsOf(services.rest, patchedServices.number));
  const message = decoded('delta', () => fromBinary(wire.SnapshotDeltaSchema, patches.rest));
  return deltaWith(message, {
    changed: () =>
      mapOf('changed_services', services.items, BOUNDS.services, (item) => {
        const entry = serviceFromBytes(item, before);
        read?.(entry[1], new Uint8Array(item));
        return entry;
      }),
    patched: () =>
      mapOf('patched_services', patches.items, BOUNDS.services, (item) =>
        patchFromWire(patchFromBytes(item)),
      ),
  });
}
