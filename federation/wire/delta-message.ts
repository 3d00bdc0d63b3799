import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
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
import { keyOfService, label, listOf, mapOf, plainText, safeInteger } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { serviceFromWire, serviceToWire } from './service-fields.ts';
import type { SnapshotDelta } from './snapshot-delta.ts';
import { decoded } from './snapshot-message.ts';

export function deltaToWire(delta: SnapshotDelta): wire.SnapshotDelta {
  return create(wire.SnapshotDeltaSchema, {
    epoch: BigInt(delta.epoch),
    baseVersion: BigInt(delta.baseVersion),
    snapshotVersion: BigInt(delta.version),
    createdAtMs: BigInt(delta.createdAtMs),
    changedPeers: delta.changedPeers.map(peerToWire),
    removedPeers: [...delta.removedPeers],
    changedServices: delta.changedServices.map(serviceToWire),
    removedServices: [...delta.removedServices],
    changedCallers: delta.changedCallers.map(callerGroupToWire),
    removedCallers: [...delta.removedCallers],
    drain: drainToWire(delta.drain),
    trustBundlesChanged: delta.trustBundles !== undefined,
    trustBundles: delta.trustBundles === undefined ? [] : trustBundlesToWire(delta.trustBundles),
  });
}

/** @throws WireError naming the field that breaks the contract; nothing is repaired. */
export function deltaFromWire(message: wire.SnapshotDelta): SnapshotDelta {
  const peers = mapOf('changed_peers', message.changedPeers, BOUNDS.peers, (item) => {
    const peer = peerFromWire(item);
    return [peer.cluster, peer] as const;
  });
  const { changedServices, removedServices, removedPeers } = message;
  const callers = mapOf('changed_callers', message.changedCallers, BOUNDS.callerGroups, callerGroupFromWire);
  const services = mapOf('changed_services', changedServices, BOUNDS.services, serviceFromWire);
  return {
    epoch: safeInteger('epoch', message.epoch),
    baseVersion: safeInteger('base_version', message.baseVersion),
    version: safeInteger('snapshot_version', message.snapshotVersion),
    createdAtMs: safeInteger('created_at_ms', message.createdAtMs),
    changedPeers: [...peers.values()],
    removedPeers: listOf('removed_peers', removedPeers, BOUNDS.peers, (name) => label('', name)),
    changedServices: [...services.values()],
    removedServices: listOf('removed_services', removedServices, BOUNDS.services, (key) =>
      keyOfService('', key),
    ),
    trustBundles: message.trustBundlesChanged ? trustBundlesFromWire(message.trustBundles) : undefined,
    changedCallers: [...callers.values()],
    removedCallers: listOf('removed_callers', message.removedCallers, BOUNDS.callerGroups, (key) =>
      plainText('', key, BOUNDS.callerKeyLength),
    ),
    drain: drainFromWire('drain', message.drain),
  };
}

export function deltaToBytes(delta: SnapshotDelta): Uint8Array {
  return toBinary(wire.SnapshotDeltaSchema, deltaToWire(delta));
}

/** @throws WireError when the bytes are no delta or one that breaks the contract. */
export function deltaFromBytes(bytes: Uint8Array): SnapshotDelta {
  return deltaFromWire(decoded('delta', () => fromBinary(wire.SnapshotDeltaSchema, bytes)));
}
