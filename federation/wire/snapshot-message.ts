import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { ServiceKey } from '../model/service.ts';
import type { RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
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
import { decoded, mapOf, safeInteger, understood } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { partsOf } from './message-parts.ts';
import {
  serviceFromBytes,
  serviceFromWire,
  serviceLists,
  serviceToWire,
  withBackends,
} from './service-fields.ts';

export function snapshotToWire(snapshot: RoutingSnapshot): wire.Snapshot {
  const { services, backends } = serviceLists(snapshot.services.values());
  return create(wire.SnapshotSchema, {
    epoch: BigInt(snapshot.epoch),
    snapshotVersion: BigInt(snapshot.version),
    createdAtMs: BigInt(snapshot.createdAtMs),
    local: snapshot.local,
    peers: [...snapshot.peers.values()].map(peerToWire),
    services: services.map(serviceToWire),
    backends: backends.map(serviceToWire),
    trustBundles: trustBundlesToWire(snapshot.trustBundles),
    callers: [...(snapshot.callers?.values() ?? [])].map(callerGroupToWire),
    drain: drainToWire(snapshot.drain),
  });
}

/** @throws WireError naming the field that breaks the contract; nothing is repaired. */
export function snapshotFromWire(message: wire.Snapshot): RoutingSnapshot {
  return snapshotWith(message, () => mapOf('services', message.services, BOUNDS.services, serviceFromWire));
}

/** @param services reads them, in their turn */
function snapshotWith(
  message: wire.Snapshot,
  services: () => ReadonlyMap<ServiceKey, SnapshotService>,
): RoutingSnapshot {
  understood(message);
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
    services: withBackends(services(), message.backends),
    trustBundles: trustBundlesFromWire(message.trustBundles),
    ...(callers.size === 0 ? {} : { callers }),
    ...(drain && { drain }),
  };
}

/** Protobuf binary, as it is kept on disk and handed to worker processes. */
export function snapshotToBytes(snapshot: RoutingSnapshot): Uint8Array {
  return toBinary(wire.SnapshotSchema, snapshotToWire(snapshot));
}

export interface ReadingOptions {
  /** What is still as it was there is the same object. */
  readonly before?: ReadonlyMap<ServiceKey, SnapshotService> | undefined;
  /** Told of each service that is read, with the bytes that it was read from. */
  readonly read?: (service: SnapshotService, bytes: Uint8Array) => void;
}

/**
 * One service after the other, so that it costs little more memory than what comes of it. `read` gets views of `bytes`.
 * @throws WireError when the bytes are no snapshot or one that breaks the contract
 */
export function snapshotFromBytes(bytes: Uint8Array, { before, read }: ReadingOptions = {}): RoutingSnapshot {
  const field = wire.SnapshotSchema.field.services.number;
  const { items, rest } = decoded('snapshot', () => partsOf(bytes, field));
  const message = decoded('snapshot', () => fromBinary(wire.SnapshotSchema, rest));
  return snapshotWith(message, () =>
    mapOf('services', items, BOUNDS.services, (item) => {
      const entry = serviceFromBytes(item, before);
      read?.(entry[1], item);
      return entry;
    }),
  );
}

/** Protobuf JSON of `isthmus.v1.Snapshot`, for people and for static configuration. */
export function snapshotToJson(snapshot: RoutingSnapshot): string {
  return toJsonString(wire.SnapshotSchema, snapshotToWire(snapshot), { prettySpaces: 2 });
}

/** @throws WireError when the text is no snapshot or one that breaks the contract. */
export function snapshotFromJson(text: string): RoutingSnapshot {
  return snapshotFromWire(decoded('snapshot', () => fromJsonString(wire.SnapshotSchema, text)));
}
