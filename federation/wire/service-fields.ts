import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Locality } from '../model/cluster.ts';
import type { Endpoint, EndpointState } from '../model/endpoint.ts';
import { DEFAULT_FAILOVER_POLICY } from '../model/policy.ts';
import type { LocalityHosts, PortProtocol, ServiceKey, ServiceType } from '../model/service.ts';
import { backendKey, serviceKey } from '../model/service.ts';
import type { ServiceOffer, SnapshotPort, SnapshotService } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY } from '../model/traffic-policy.ts';
import { BOUNDS } from './bounds.ts';
import { healthFromWire, healthToWire, localityFromWire } from './cluster-fields.ts';
import { endpointsFromBytes } from './endpoint-bytes.ts';
import {
  decoded,
  host,
  inField,
  label,
  listOf,
  mapOf,
  member,
  plainText,
  portName,
  portNumber,
  safeInteger,
  understood,
  WireError,
  within,
} from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { serviceRoutesFromJson } from './mesh-route-json.ts';
import { partsOf } from './message-parts.ts';
import type { Plain } from './plain-message.ts';
import { accessRulesFromJson, failoverPolicyFromJson } from './policy-json.ts';
import { changedOffers, sameFrame } from './service-patch.ts';
import { trafficPolicyFromJson } from './traffic-policy-json.ts';

const TYPE: Readonly<Record<ServiceType, wire.Service_Type>> = {
  ClusterSetIP: wire.Service_Type.CLUSTER_SET_IP,
  Headless: wire.Service_Type.HEADLESS,
};

const PROTOCOL: Readonly<Record<PortProtocol, wire.Port_Protocol>> = {
  http: wire.Port_Protocol.HTTP,
  http2: wire.Port_Protocol.HTTP2,
  tcp: wire.Port_Protocol.TCP,
};

const STATE: Readonly<Record<EndpointState, wire.Endpoint_State>> = {
  ready: wire.Endpoint_State.READY,
  degraded: wire.Endpoint_State.DEGRADED,
  unready: wire.Endpoint_State.UNREADY,
};

export function serviceToWire(service: SnapshotService): MessageInitShape<typeof wire.ServiceSchema> {
  const { failover, traffic } = service;
  return {
    namespace: service.service.namespace,
    name: service.service.name,
    type: TYPE[service.type],
    ports: service.ports.map((port) => ({ ...port, protocol: PROTOCOL[port.protocol] })),
    offers: service.offers.map(offerToWire),
    endpoints: service.endpoints.map(endpointToWire),
    failoverJson: failover === DEFAULT_FAILOVER_POLICY ? undefined : JSON.stringify(failover),
    accessJson: service.access.length === 0 ? undefined : JSON.stringify(service.access),
    trafficJson: traffic === DEFAULT_TRAFFIC_POLICY ? undefined : JSON.stringify(traffic),
    routesJson: service.routes === undefined ? undefined : JSON.stringify(service.routes),
  };
}

function offerToWire(offer: ServiceOffer): MessageInitShape<typeof wire.OfferSchema> {
  return {
    cluster: offer.cluster,
    localities: [...offer.localities],
    changedAtMs: BigInt(offer.changedAtMs),
    health: healthToWire(offer.health),
    ports: [...(offer.ports ?? [])],
  };
}

function endpointToWire(endpoint: Endpoint): MessageInitShape<typeof wire.EndpointSchema> {
  return {
    address: endpoint.address,
    ports: { ...endpoint.ports },
    locality: endpoint.locality,
    state: STATE[endpoint.state],
    changedAtMs: BigInt(endpoint.changedAtMs),
    weight: endpoint.weight,
  };
}

/** The services of a snapshot or a delta as they travel: those that only routes lead to are apart. */
export function serviceLists(services: Iterable<SnapshotService>): {
  readonly services: readonly SnapshotService[];
  readonly backends: readonly SnapshotService[];
} {
  const { services: named = [], backends = [] } = Object.groupBy(services, ({ backendOnly }) =>
    backendOnly ? 'backends' : 'services',
  );
  return { services: named, backends };
}

/** Both lists, by key: a service of either may have the name of one of the other. */
export function withBackends(
  services: ReadonlyMap<ServiceKey, SnapshotService>,
  backends: readonly wire.Service[],
): ReadonlyMap<ServiceKey, SnapshotService> {
  if (backends.length === 0) return services;
  const found = new Map(services);
  for (const [key, service] of mapOf('backends', backends, BOUNDS.services - found.size, serviceFromWire)) {
    found.set(backendKey(key), { ...service, backendOnly: true });
  }
  return found;
}

/** `Offer` as `offerToWire` has it, at a fraction of the cost. */
export function writeOffer(writer: BinaryWriter, offer: ServiceOffer): void {
  const { field } = wire.OfferSchema;
  writer.tag(field.cluster.number, WireType.LengthDelimited).string(offer.cluster);
  for (const hosts of offer.localities) {
    writer.tag(field.localities.number, WireType.LengthDelimited).fork();
    writeHosts(writer, hosts);
    writer.join();
  }
  if (offer.changedAtMs !== 0) {
    writer.tag(field.changedAtMs.number, WireType.Varint).uint64(offer.changedAtMs);
  }
  writer.tag(field.health.number, WireType.LengthDelimited);
  writer.bytes(toBinary(wire.PeerHealthSchema, create(wire.PeerHealthSchema, healthToWire(offer.health))));
  for (const name of offer.ports ?? []) writer.tag(field.ports.number, WireType.LengthDelimited).string(name);
}

function writeHosts(writer: BinaryWriter, entry: LocalityHosts): void {
  const { locality, hosts, healthy, degraded, excluded, weight } = wire.LocalityHostsSchema.field;
  const count = (number: number, value: number): void => {
    if (value !== 0) writer.tag(number, WireType.Varint).uint32(value);
  };
  writer.tag(locality.number, WireType.LengthDelimited).fork();
  writeLocality(writer, entry.locality);
  writer.join();
  count(hosts.number, entry.hosts);
  count(healthy.number, entry.healthy);
  count(degraded.number, entry.degraded);
  count(excluded.number, entry.excluded);
  count(weight.number, entry.weight);
}

function writeLocality(writer: BinaryWriter, { region, zone }: Locality): void {
  const { field } = wire.LocalitySchema;
  if (region !== '') writer.tag(field.region.number, WireType.LengthDelimited).string(region);
  if (zone !== '') writer.tag(field.zone.number, WireType.LengthDelimited).string(zone);
}

/**
 * `Endpoint` as `endpointToWire` has it, at a fraction of the cost: services have many, and all are written when one changes.
 */
export function writeEndpoint(writer: BinaryWriter, endpoint: Endpoint): void {
  const { field } = wire.EndpointSchema;
  writer.tag(field.address.number, WireType.LengthDelimited).string(endpoint.address);
  for (const [name, port] of Object.entries(endpoint.ports)) {
    writer.tag(field.ports.number, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name).tag(2, WireType.Varint).uint32(port).join();
  }
  writer.tag(field.locality.number, WireType.LengthDelimited).fork();
  writeLocality(writer, endpoint.locality);
  writer.join();
  writer.tag(field.state.number, WireType.Varint).int32(STATE[endpoint.state]);
  if (endpoint.changedAtMs !== 0) {
    writer.tag(field.changedAtMs.number, WireType.Varint).uint64(endpoint.changedAtMs);
  }
  if (endpoint.weight !== undefined) writer.tag(field.weight.number, WireType.Varint).uint32(endpoint.weight);
}

/** Key and value of the snapshot's map. */
export function serviceFromWire(message: wire.Service): readonly [ServiceKey, SnapshotService] {
  const endpoints = (): readonly Endpoint[] =>
    listOf('endpoints', message.endpoints, BOUNDS.endpointsPerService, endpointFromWire);
  return serviceWith(message, endpoints);
}

/** @param endpoints reads them, in their turn */
function serviceWith(
  message: wire.Service,
  endpoints: (key: ServiceKey) => readonly Endpoint[],
): readonly [ServiceKey, SnapshotService] {
  understood(message);
  const service = { namespace: label('namespace', message.namespace), name: label('name', message.name) };
  const ports = mapOf('ports', message.ports, BOUNDS.portsPerService, portFromWire);
  const offers = mapOf('offers', message.offers, BOUNDS.offersPerService, offerFromWire);
  const key = serviceKey(service);
  return [
    key,
    {
      service,
      type: member('type', TYPE, message.type),
      ports: [...ports.values()],
      offers: [...offers.values()],
      endpoints: endpoints(key),
      failover:
        message.failoverJson === undefined
          ? DEFAULT_FAILOVER_POLICY
          : failoverPolicyFromJson('failover_json', message.failoverJson),
      traffic:
        message.trafficJson === undefined
          ? DEFAULT_TRAFFIC_POLICY
          : trafficPolicyFromJson('traffic_json', message.trafficJson),
      access: message.accessJson === undefined ? [] : accessRulesFromJson('access_json', message.accessJson),
      ...routesFromWire(message.routesJson),
    },
  ];
}

/**
 * @param before endpoints that still are as they were there are the same objects
 * @throws WireError when the bytes are no service or one that breaks the contract
 */
export function serviceFromBytes(
  bytes: Uint8Array,
  before?: ReadonlyMap<ServiceKey, SnapshotService>,
): readonly [ServiceKey, SnapshotService] {
  const field = wire.ServiceSchema.field.endpoints.number;
  const { items, rest } = decoded('service', () => partsOf(bytes, field));
  const message = decoded('service', () => fromBinary(wire.ServiceSchema, rest));
  return serviceWith(message, (key) =>
    endpointsFromBytes(items, before?.get(key)?.endpoints ?? [], endpointFromWire),
  );
}

function routesFromWire(json: string | undefined): Pick<SnapshotService, 'routes'> {
  return json === undefined ? {} : { routes: serviceRoutesFromJson('routes_json', json) };
}

/**
 * Why receivers would refuse a whole snapshot with this service in it; undefined when they would not.
 * @param sound an earlier version that they took: what is as it was there needs no second look
 */
export function serviceFault(service: SnapshotService, sound?: SnapshotService): string | undefined {
  try {
    checkEndpoints(service.endpoints, sound?.endpoints ?? []);
    const offers =
      sound && sameFrame(sound, service) ? changedOffers(sound.offers, service.offers) : undefined;
    if (offers !== undefined) {
      offers.forEach(checkOffer);
      return undefined;
    }
    const message = create(wire.ServiceSchema, serviceToWire({ ...service, endpoints: [] }));
    serviceFromWire(fromBinary(wire.ServiceSchema, toBinary(wire.ServiceSchema, message)));
    return undefined;
  } catch (failure) {
    // Beside WireErrors those of the encoder: numbers out of range, text that is no Unicode.
    return failure instanceof Error ? failure.message : String(failure);
  }
}

function checkOffer(offer: ServiceOffer): void {
  const message = create(wire.OfferSchema, offerToWire(offer));
  offerFromWire(fromBinary(wire.OfferSchema, toBinary(wire.OfferSchema, message)));
}

/** There are many of them, and few are new: they are not encoded and decoded as the rest is, to the same effect. */
function checkEndpoints(endpoints: readonly Endpoint[], sound: readonly Endpoint[]): void {
  const writer = new BinaryWriter();
  const check = (endpoint: Endpoint, at: number): void => {
    if (endpoint === sound[at]) return;
    inField(`endpoints[${at}]`, () =>
      endpointFromWire(create(wire.EndpointSchema, endpointToWire(endpoint))),
    );
    writeEndpoint(writer, endpoint);
  };
  if (endpoints.length > BOUNDS.endpointsPerService) {
    throw new WireError(
      `endpoints: ${endpoints.length} items, at most ${BOUNDS.endpointsPerService} are allowed`,
    );
  }
  endpoints.forEach(check);
}

function portFromWire(message: wire.Port): readonly [string, SnapshotPort] {
  understood(message);
  const name = portName('name', message.name);
  const { appProtocol, listenPort } = message;
  return [
    name,
    {
      name,
      port: portNumber('port', message.port),
      protocol: member('protocol', PROTOCOL, message.protocol),
      appProtocol:
        appProtocol === undefined
          ? undefined
          : plainText('app_protocol', appProtocol, BOUNDS.appProtocolLength),
      listenPort: listenPort === undefined ? undefined : portNumber('listen_port', listenPort),
    },
  ];
}

export function offerFromWire(message: Plain<wire.Offer>): readonly [string, ServiceOffer] {
  understood(message);
  const cluster = label('cluster', message.cluster);
  const offer: ServiceOffer = {
    cluster,
    localities: listOf('localities', message.localities, BOUNDS.localitiesPerOffer, localityHostsFromWire),
    changedAtMs: safeInteger('changed_at_ms', message.changedAtMs),
    health: healthFromWire(message.health),
  };
  if (message.ports.length === 0) return [cluster, offer];
  const ports = listOf('ports', message.ports, BOUNDS.portsPerService, (name) => portName('name', name));
  return [cluster, { ...offer, ports }];
}

function localityHostsFromWire(message: Plain<wire.LocalityHosts>): LocalityHosts {
  understood(message);
  const hosts = within('hosts', message.hosts, 0, BOUNDS.hostsPerLocality);
  const { healthy, degraded, excluded } = message;
  if (healthy + degraded + excluded > hosts) {
    throw new WireError(
      `hosts: ${healthy} healthy, ${degraded} degraded and ${excluded} excluded of ${hosts}`,
    );
  }
  return {
    locality: localityFromWire(message.locality),
    hosts,
    healthy,
    degraded,
    excluded,
    weight: within('weight', message.weight, 0, BOUNDS.weight),
  };
}

export function endpointFromWire(message: Plain<wire.Endpoint>): Endpoint {
  understood(message);
  const ports: Record<string, number> = {};
  const entries = Object.entries(message.ports);
  if (entries.length > BOUNDS.portsPerService) throw new WireError(`ports: ${entries.length} are too many`);
  for (const [name, port] of entries) {
    ports[portName('ports', name)] = inField('ports', () => portNumber(name, port));
  }
  const endpoint: Endpoint = {
    address: host('address', message.address),
    ports,
    locality: localityFromWire(message.locality),
    state: member('state', STATE, message.state),
    changedAtMs: safeInteger('changed_at_ms', message.changedAtMs),
  };
  if (message.weight === undefined) return endpoint;
  return { ...endpoint, weight: within('weight', message.weight, 1, BOUNDS.endpointWeight) };
}
