import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import { BOUNDS } from './bounds.ts';
import { callerGroupFromWire, callerGroupToWire } from './caller-fields.ts';
import {
  drainFromWire,
  drainToWire,
  localClusterFromWire,
  peerFromWire,
  peerToWire,
  trustBundlesFromWire,
  trustBundlesToWire,
} from './cluster-fields.ts';
import { mapOf, safeInteger, WireError } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { serviceFromWire, serviceToWire } from './service-fields.ts';

export function snapshotToWire(snapshot: RoutingSnapshot): wire.Snapshot {
  return create(wire.SnapshotSchema, {
    epoch: BigInt(snapshot.epoch),
    snapshotVersion: BigInt(snapshot.version),
    createdAtMs: BigInt(snapshot.createdAtMs),
    local: snapshot.local,
    peers: [...snapshot.peers.values()].map(peerToWire),
    services: [...snapshot.services.values()].map(serviceToWire),
    trustBundles: trustBundlesToWire(snapshot.trustBundles),
    callers: [...(snapshot.callers?.values() ?? [])].map(callerGroupToWire),
    drain: drainToWire(snapshot.drain),
  });
}

/** @throws WireError naming the field that breaks the contract; nothing is repaired. */
export function snapshotFromWire(message: wire.Snapshot): RoutingSnapshot {
  const callers = mapOf('callers', message.callers, BOUNDS.callerGroups, callerGroupFromWire);
  const drain = drainFromWire('drain', message.drain);
  return {
    epoch: safeInteger('epoch', message.epoch),
    version: safeInteger('snapshot_version', message.snapshotVersion),
    createdAtMs: safeInteger('created_at_ms', message.createdAtMs),
    local: localClusterFromWire(message.local),
    peers: mapOf('peers', message.peers, BOUNDS.peers, (item) => {
      const peer = peerFromWire(item);
      return [peer.cluster, peer] as const;
    }),
    services: mapOf('services', message.services, BOUNDS.services, serviceFromWire),
    trustBundles: trustBundlesFromWire(message.trustBundles),
    ...(callers.size === 0 ? {} : { callers }),
    ...(drain && { drain }),
  };
}

/** Protobuf binary, as it is kept on disk and handed to worker processes. */
export function snapshotToBytes(snapshot: RoutingSnapshot): Uint8Array {
  return toBinary(wire.SnapshotSchema, snapshotToWire(snapshot));
}

/** @throws WireError when the bytes are no snapshot or one that breaks the contract. */
export function snapshotFromBytes(bytes: Uint8Array): RoutingSnapshot {
  return snapshotFromWire(decoded('snapshot', () => fromBinary(wire.SnapshotSchema, bytes)));
}

/** Protobuf JSON of `isthmus.v1.Snapshot`, for people and for static configuration. */
export function snapshotToJson(snapshot: RoutingSnapshot): string {
  return toJsonString(wire.SnapshotSchema, snapshotToWire(snapshot), { prettySpaces: 2 });
}

/** @throws WireError when the text is no snapshot or one that breaks the contract. */
export function snapshotFromJson(text: string): RoutingSnapshot {
  return snapshotFromWire(decoded('snapshot', () => fromJsonString(wire.SnapshotSchema, text)));
}

/** Runs a decoder of protobuf-es, whose complaints become WireErrors. */
export function decoded<T>(field: string, decode: () => T): T {
  try {
    return decode();
  } catch (failure) {
    throw new WireError(`${field}: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
}
