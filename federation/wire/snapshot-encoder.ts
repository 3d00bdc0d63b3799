import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { CallerGroup } from '../model/caller.ts';
import { namedKey } from '../model/service.ts';
import type { Peer, RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
import { callerGroupToWire } from './caller-fields.ts';
import { drainToWire, peerToWire, trustBundlesToWire } from './cluster-fields.ts';
import * as wire from './gen/federation_pb.ts';
import { patchMessage } from './patch-fields.ts';
import { serviceToWire, writeEndpoint, writeOffer } from './service-fields.ts';
import type { SnapshotDelta } from './snapshot-delta.ts';

type Field = readonly [number: number, message: Uint8Array];

/**
 * Encodes `FederationMessage`s. Services and peers are immutable and shared by snapshots, so each is encoded once,
 * however many snapshots, deltas and gateways it goes to: a snapshot of 10,000 services takes milliseconds then.
 */
export class SnapshotEncoder {
  readonly #services = new WeakMap<SnapshotService, Uint8Array>();
  readonly #peers = new WeakMap<Peer, Uint8Array>();
  readonly #callers = new WeakMap<CallerGroup, Uint8Array>();
  readonly #writer = new BinaryWriter();

  /** `FederationMessage` with a full snapshot. */
  snapshotMessage(snapshot: RoutingSnapshot): Buffer {
    const { field } = wire.FederationMessageSchema;
    return joined([[field.snapshot.number, this.snapshot(snapshot)]]);
  }

  /** `FederationMessage` with a delta. */
  deltaMessage(delta: SnapshotDelta): Buffer {
    const { field } = wire.FederationMessageSchema;
    return joined([[field.delta.number, this.#delta(delta)]]);
  }

  /** `Snapshot`, the form on disk. */
  snapshot(snapshot: RoutingSnapshot): Uint8Array {
    const { field } = wire.SnapshotSchema;
    const head = encoded(wire.SnapshotSchema, {
      epoch: BigInt(snapshot.epoch),
      snapshotVersion: BigInt(snapshot.version),
      createdAtMs: BigInt(snapshot.createdAtMs),
      local: snapshot.local,
      trustBundles: trustBundlesToWire(snapshot.trustBundles),
      drain: drainToWire(snapshot.drain),
    });
    const peers = [...snapshot.peers.values()].map((peer): Field => [field.peers.number, this.#peer(peer)]);
    const services = this.#serviceFields(
      snapshot.services.values(),
      field.services.number,
      field.backends.number,
    );
    const callers = [...(snapshot.callers?.values() ?? [])].map(
      (group): Field => [field.callers.number, this.#caller(group)],
    );
    return joined([...peers, ...services, ...callers], head);
  }

  /** A service that came encoded: it is not encoded again. */
  keep(service: SnapshotService, bytes: Uint8Array): void {
    this.#services.set(service, bytes);
  }

  #delta(delta: SnapshotDelta): Uint8Array {
    const { field } = wire.SnapshotDeltaSchema;
    const head = encoded(wire.SnapshotDeltaSchema, {
      epoch: BigInt(delta.epoch),
      baseVersion: BigInt(delta.baseVersion),
      snapshotVersion: BigInt(delta.version),
      createdAtMs: BigInt(delta.createdAtMs),
      removedPeers: [...delta.removedPeers],
      removedServices: [...delta.removedServices],
      removedBackends: delta.removedBackends.map(namedKey),
      removedCallers: [...delta.removedCallers],
      trustBundlesChanged: delta.trustBundles !== undefined,
      trustBundles: delta.trustBundles === undefined ? [] : trustBundlesToWire(delta.trustBundles),
      drain: drainToWire(delta.drain),
    });
    const peers = delta.changedPeers.map((peer): Field => [field.changedPeers.number, this.#peer(peer)]);
    const services = this.#serviceFields(
      delta.changedServices,
      field.changedServices.number,
      field.changedBackends.number,
    );
    const callers = delta.changedCallers.map(
      (group): Field => [field.changedCallers.number, this.#caller(group)],
    );
    const patches = delta.patchedServices.map(
      (patch): Field => [field.patchedServices.number, patchMessage(patch)],
    );
    return joined([...peers, ...services, ...patches, ...callers], head);
  }

  #caller(group: CallerGroup): Uint8Array {
    const known = this.#callers.get(group);
    if (known !== undefined) return known;
    const message = encoded(wire.CallerGroupSchema, callerGroupToWire(group));
    this.#callers.set(group, message);
    return message;
  }

  #serviceFields(services: Iterable<SnapshotService>, named: number, backends: number): Field[] {
    return [...services].map((service): Field => {
      return [service.backendOnly ? backends : named, this.#service(service)];
    });
  }

  #service(service: SnapshotService): Uint8Array {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    const message = serviceMessage(this.#writer, service);
    this.#services.set(service, message);
    return message;
  }

  #peer(peer: Peer): Uint8Array {
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const message = encoded(wire.PeerSchema, peerToWire(peer));
    this.#peers.set(peer, message);
    return message;
  }
}

/** @param writer is used again and again, and keeps its room */
function serviceMessage(writer: BinaryWriter, service: SnapshotService): Uint8Array {
  const { field } = wire.ServiceSchema;
  writer.raw(encoded(wire.ServiceSchema, serviceToWire({ ...service, offers: [], endpoints: [] })));
  for (const offer of service.offers) {
    writer.tag(field.offers.number, WireType.LengthDelimited).fork();
    writeOffer(writer, offer);
    writer.join();
  }
  for (const endpoint of service.endpoints) {
    writer.tag(field.endpoints.number, WireType.LengthDelimited).fork();
    writeEndpoint(writer, endpoint);
    writer.join();
  }
  return writer.finish();
}

function encoded<S extends DescMessage>(schema: S, init: MessageInitShape<S>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

/** A message out of encoded parts: protobuf lets the fields of a message stand in any order. */
function joined(fields: readonly Field[], head: Uint8Array = new Uint8Array()): Buffer {
  const tags = fields.map(([number]) => ((number << 3) | WireType.LengthDelimited) >>> 0);
  let length = head.length;
  for (const [index, [, message]] of fields.entries()) {
    length += varintLength(tags[index] ?? 0) + varintLength(message.length) + message.length;
  }
  const whole = Buffer.allocUnsafe(length);
  whole.set(head);
  let at = head.length;
  for (const [index, [, message]] of fields.entries()) {
    at = writeVarint(whole, at, tags[index] ?? 0);
    at = writeVarint(whole, at, message.length);
    whole.set(message, at);
    at += message.length;
  }
  return whole;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length++;
  return length;
}

/** @returns where it ends */
function writeVarint(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}
