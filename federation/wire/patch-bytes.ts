import { WireType } from '@bufbuild/protobuf/wire';
import { BOUNDS } from './bounds.ts';
import { bounded, FIRST_RESTRICTION, restriction, WireError } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import type { Plain } from './plain-message.ts';

const { LengthDelimited, Varint, Bit64, Bit32 } = WireType;
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const MAP_KEY = 1;
const MAP_VALUE = 2;

const PATCH = wire.ServicePatchSchema.field;
const PLACED = wire.PlacedEndpointSchema.field;
const ENDPOINT = wire.EndpointSchema.field;
const OFFER = wire.OfferSchema.field;
const HOSTS = wire.LocalityHostsSchema.field;
const LOCALITY = wire.LocalitySchema.field;
const HEALTH = wire.PeerHealthSchema.field;

/**
 * `ServicePatch`, as the generated code reads it, at a fraction of the cost: under load hundreds of them come each second, to
 * a gateway's parent and to each worker. What its fields say is checked by whoever takes it; lists are read no further than
 * their bounds.
 * @throws WireError for bytes that are no message, for a list that is too long, and for a restriction that is not known here
 */
export function patchFromBytes(bytes: Uint8Array): Plain<wire.ServicePatch> {
  const patch: Plain<wire.ServicePatch> = {
    ...{ namespace: '', name: '', endpointCount: 0 },
    ...{ offers: [], removedEndpoints: [], addedEndpoints: [] },
  };
  const cursor = new Cursor(bytes);
  while (cursor.hasMore(bytes.length)) {
    if (cursor.next(PATCH.namespace.number, LengthDelimited)) patch.namespace = cursor.text();
    else if (cursor.next(PATCH.name.number, LengthDelimited)) patch.name = cursor.text();
    else if (cursor.next(PATCH.offers.number, LengthDelimited)) pushOffer(patch, cursor);
    else if (cursor.next(PATCH.addedEndpoints.number, LengthDelimited)) pushAdded(patch, cursor);
    else if (cursor.next(PATCH.endpointCount.number, Varint)) patch.endpointCount = cursor.number();
    else if (cursor.next(PATCH.removedEndpoints.number, Varint)) pushRemoved(patch, cursor);
    else if (cursor.next(PATCH.removedEndpoints.number, LengthDelimited)) {
      const end = cursor.end();
      while (cursor.hasMore(end)) pushRemoved(patch, cursor);
    } else cursor.skip(PATCH.endpointCount.number);
  }
  return patch;
}

function pushOffer({ offers }: Plain<wire.ServicePatch>, cursor: Cursor): void {
  bounded('offers', offers.length + 1, BOUNDS.offersPerService);
  offers.push(readOffer(cursor));
}

function pushAdded({ addedEndpoints }: Plain<wire.ServicePatch>, cursor: Cursor): void {
  bounded('added_endpoints', addedEndpoints.length + 1, BOUNDS.endpointsPerService);
  addedEndpoints.push(readPlaced(cursor));
}

function pushRemoved({ removedEndpoints }: Plain<wire.ServicePatch>, cursor: Cursor): void {
  bounded('removed_endpoints', removedEndpoints.length + 1, BOUNDS.endpointsPerService);
  removedEndpoints.push(cursor.number());
}

function readPlaced(cursor: Cursor): Plain<wire.PlacedEndpoint> {
  const placed: Plain<wire.PlacedEndpoint> = { place: 0 };
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(PLACED.place.number, Varint)) placed.place = cursor.number();
    else if (cursor.next(PLACED.endpoint.number, LengthDelimited)) placed.endpoint = readEndpoint(cursor);
    else cursor.skip(PLACED.endpoint.number);
  }
  return placed;
}

function readEndpoint(cursor: Cursor): Plain<wire.Endpoint> {
  const endpoint: Plain<wire.Endpoint> = { address: '', ports: {}, state: 0, changedAtMs: 0n };
  let ports = 0;
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(ENDPOINT.address.number, LengthDelimited)) endpoint.address = cursor.text();
    else if (cursor.next(ENDPOINT.ports.number, LengthDelimited)) {
      bounded('ports', ++ports, BOUNDS.portsPerService);
      readPort(cursor, endpoint.ports);
    } else if (cursor.next(ENDPOINT.locality.number, LengthDelimited))
      endpoint.locality = readLocality(cursor);
    else if (cursor.next(ENDPOINT.state.number, Varint))
      endpoint.state = cursor.number() as wire.Endpoint_State;
    else if (cursor.next(ENDPOINT.changedAtMs.number, Varint)) endpoint.changedAtMs = cursor.uint64();
    else if (cursor.next(ENDPOINT.weight.number, Varint)) endpoint.weight = cursor.number();
    else cursor.skip(ENDPOINT.weight.number);
  }
  return endpoint;
}

function readPort(cursor: Cursor, ports: Record<string, number>): void {
  let name = '';
  let port = 0;
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(MAP_KEY, LengthDelimited)) name = cursor.text();
    else if (cursor.next(MAP_VALUE, Varint)) port = cursor.number();
    else cursor.skip(MAP_VALUE);
  }
  // Of no name of a port; and it would be no property.
  if (name === '__proto__') throw new WireError(`ports: ${JSON.stringify(name)} is no name`);
  ports[name] = port;
}

function readOffer(cursor: Cursor): Plain<wire.Offer> {
  const offer: Plain<wire.Offer> = { cluster: '', localities: [], changedAtMs: 0n, ports: [] };
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(OFFER.cluster.number, LengthDelimited)) offer.cluster = cursor.text();
    else if (cursor.next(OFFER.localities.number, LengthDelimited)) {
      bounded('localities', offer.localities.length + 1, BOUNDS.localitiesPerOffer);
      offer.localities.push(readHosts(cursor));
    } else if (cursor.next(OFFER.changedAtMs.number, Varint)) offer.changedAtMs = cursor.uint64();
    else if (cursor.next(OFFER.health.number, LengthDelimited)) offer.health = readHealth(cursor);
    else if (cursor.next(OFFER.ports.number, LengthDelimited)) {
      bounded('ports', offer.ports.length + 1, BOUNDS.portsPerService);
      offer.ports.push(cursor.text());
    } else cursor.skip(OFFER.ports.number);
  }
  return offer;
}

function readHosts(cursor: Cursor): Plain<wire.LocalityHosts> {
  const hosts: Plain<wire.LocalityHosts> = { hosts: 0, healthy: 0, degraded: 0, excluded: 0, weight: 0 };
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(HOSTS.locality.number, LengthDelimited)) hosts.locality = readLocality(cursor);
    else if (cursor.next(HOSTS.hosts.number, Varint)) hosts.hosts = cursor.number();
    else if (cursor.next(HOSTS.healthy.number, Varint)) hosts.healthy = cursor.number();
    else if (cursor.next(HOSTS.degraded.number, Varint)) hosts.degraded = cursor.number();
    else if (cursor.next(HOSTS.excluded.number, Varint)) hosts.excluded = cursor.number();
    else if (cursor.next(HOSTS.weight.number, Varint)) hosts.weight = cursor.number();
    else cursor.skip(HOSTS.weight.number);
  }
  return hosts;
}

function readLocality(cursor: Cursor): Plain<wire.Locality> {
  const locality = { region: '', zone: '' };
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(LOCALITY.region.number, LengthDelimited)) locality.region = cursor.text();
    else if (cursor.next(LOCALITY.zone.number, LengthDelimited)) locality.zone = cursor.text();
    else cursor.skip(LOCALITY.zone.number);
  }
  return locality;
}

function readHealth(cursor: Cursor): Plain<wire.PeerHealth> {
  const health: Plain<wire.PeerHealth> = { kind: 0, sinceMs: 0n };
  const end = cursor.end();
  while (cursor.hasMore(end)) {
    if (cursor.next(HEALTH.kind.number, Varint)) health.kind = cursor.number() as wire.PeerHealth_Kind;
    else if (cursor.next(HEALTH.sinceMs.number, Varint)) health.sinceMs = cursor.uint64();
    else cursor.skip(HEALTH.sinceMs.number);
  }
  return health;
}

/** Goes through one message and those in it. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;
  /** Of the field that is next; 0 = it is not known yet. */
  #tag = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the message that ends there has another field or item. */
  hasMore(end: number): boolean {
    if (this.#at > end) throw new WireError('a message ends within a field');
    return this.#at < end;
  }

  /** Whether the next field is that one: then its value is. */
  next(field: number, wireType: WireType): boolean {
    if (this.#tag === 0) this.#tag = this.#readTag();
    if (this.#tag !== field * 8 + wireType) return false;
    this.#tag = 0;
    return true;
  }

  #readTag(): number {
    const tag = this.number();
    if (tag < 8) throw new WireError('there is a field without a number');
    return tag;
  }

  /** Where the message or the list that is next ends. */
  end(): number {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError('a message ends within a field');
    return end;
  }

  /** At most 32 bits. */
  number(): number {
    return this.#atMost(0xffff_ffff);
  }

  /** At most what `safeInteger` takes. */
  uint64(): bigint {
    return BigInt(this.#atMost(Number.MAX_SAFE_INTEGER));
  }

  text(): string {
    const end = this.end();
    const from = this.#at;
    for (let at = from; at < end; at++) if ((this.#bytes[at] ?? 0) >= 0x80) return this.#unicode(end);
    this.#at = end;
    return this.#bytes.toString('latin1', from, end);
  }

  /**
   * A field that is not known here.
   * @param last the number of the last one that is
   */
  skip(last: number): void {
    const field = Math.floor(this.#tag / 8);
    const wireType = this.#tag & 7;
    this.#tag = 0;
    if (field <= last) throw new WireError(`field ${field} is of another type`);
    if (field >= FIRST_RESTRICTION) throw restriction('', field);
    if (wireType === Varint) this.#varint();
    else if (wireType === LengthDelimited) this.#at = this.end();
    else if (wireType === Bit64) this.#at += 8;
    else if (wireType === Bit32) this.#at += 4;
    else throw new WireError(`field ${field} is of no type that can be left out`);
  }

  #unicode(end: number): string {
    const text = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    try {
      return UTF8.decode(text);
    } catch {
      throw new WireError('a text is no UTF-8');
    }
  }

  #atMost(max: number): number {
    const value = this.#varint();
    if (value > max) throw new WireError(`${value} is too large`);
    return value;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError('a message ends within a field');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new WireError('a number is too long');
  }
}
