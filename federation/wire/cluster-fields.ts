import type { MessageInitShape } from '@bufbuild/protobuf';
import type { GatewayAddress, LocalCluster, Locality, PeerReach } from '../model/cluster.ts';
import { type Drain, MAX_DRAIN_MS } from '../model/drain.ts';
import { clusterTrustDomain, parseTrustDomain, type TrustDomain } from '../model/identity.ts';
import type { Peer, PeerHealth } from '../model/snapshot.ts';
import { BOUNDS } from './bounds.ts';
import {
  host,
  inField,
  label,
  listOf,
  mapOf,
  member,
  plainText,
  portNumber,
  present,
  safeInteger,
  understood,
  WireError,
  within,
} from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import type { Plain } from './plain-message.ts';

const REACH: Readonly<Record<PeerReach, wire.Peer_Reach>> = {
  unknown: wire.Peer_Reach.UNKNOWN,
  synced: wire.Peer_Reach.SYNCED,
  unreachable: wire.Peer_Reach.UNREACHABLE,
  left: wire.Peer_Reach.LEFT,
};

const HEALTH: Readonly<Record<PeerHealth['kind'], wire.PeerHealth_Kind>> = {
  steady: wire.PeerHealth_Kind.STEADY,
  failing: wire.PeerHealth_Kind.FAILING,
  returning: wire.PeerHealth_Kind.RETURNING,
};

const DRAIN: Readonly<Record<Drain['kind'], wire.Drain_Kind>> = {
  draining: wire.Drain_Kind.DRAINING,
  returning: wire.Drain_Kind.RETURNING,
};

export function localClusterFromWire(message: wire.LocalCluster | undefined): LocalCluster {
  const local = present('local', message);
  return inField('local', () => {
    understood(local);
    const name = label('name', local.name);
    const clusterset = trustDomain('clusterset', local.clusterset);
    const domain = trustDomain('trust_domain', local.trustDomain);
    if (domain !== clusterTrustDomain(name, clusterset)) {
      throw new WireError(`trust_domain: ${domain} is not that of cluster ${name} of ${clusterset}`);
    }
    return { name, clusterset, trustDomain: domain, locality: localityFromWire(local.locality) };
  });
}

export function localityFromWire(message: Plain<wire.Locality> | undefined): Locality {
  const locality = present('locality', message);
  understood(locality, 'locality');
  const { region, zone } = locality;
  return {
    region: plainText('locality.region', region, BOUNDS.localityLength),
    zone: plainText('locality.zone', zone, BOUNDS.localityLength),
  };
}

export function peerToWire(peer: Peer): MessageInitShape<typeof wire.PeerSchema> {
  return {
    cluster: peer.cluster,
    trustDomain: peer.trustDomain,
    locality: peer.locality,
    gateways: [...peer.gateways],
    reach: REACH[peer.reach],
    lastSeenMs: BigInt(peer.lastSeenMs),
    health: healthToWire(peer.health),
    announcedDrain: drainToWire(peer.announcedDrain),
    drain: drainToWire(peer.drain),
  };
}

export function peerFromWire(message: wire.Peer): Peer {
  understood(message);
  return {
    cluster: label('cluster', message.cluster),
    trustDomain: trustDomain('trust_domain', message.trustDomain),
    locality: localityFromWire(message.locality),
    gateways: listOf('gateways', message.gateways, BOUNDS.gatewaysPerPeer, gatewayAddressFromWire),
    reach: member('reach', REACH, message.reach),
    lastSeenMs: safeInteger('last_seen_ms', message.lastSeenMs),
    health: healthFromWire(message.health),
    ...drainsFromWire(message),
  };
}

function drainsFromWire(message: wire.Peer): Pick<Peer, 'announcedDrain' | 'drain'> {
  const announcedDrain = drainFromWire('announced_drain', message.announcedDrain);
  const drain = drainFromWire('drain', message.drain);
  return { ...(announcedDrain && { announcedDrain }), ...(drain && { drain }) };
}

export function drainToWire(drain: Drain | undefined): MessageInitShape<typeof wire.DrainSchema> | undefined {
  if (drain === undefined) return undefined;
  return {
    kind: DRAIN[drain.kind],
    sinceMs: BigInt(drain.sinceMs),
    overMs: BigInt(drain.kind === 'draining' ? drain.overMs : 0),
    fromPercent: drain.fromPercent,
  };
}

export function drainFromWire(field: string, message: wire.Drain | undefined): Drain | undefined {
  if (message === undefined) return undefined;
  understood(message, field);
  const kind = member(`${field}.kind`, DRAIN, message.kind);
  const sinceMs = safeInteger(`${field}.since_ms`, message.sinceMs);
  const fromPercent = within(`${field}.from_percent`, message.fromPercent, 0, 100);
  if (kind === 'returning') return { kind, sinceMs, fromPercent };
  const overMs = within(`${field}.over_ms`, safeInteger(`${field}.over_ms`, message.overMs), 0, MAX_DRAIN_MS);
  return { kind, sinceMs, overMs, fromPercent };
}

function gatewayAddressFromWire(message: wire.GatewayAddress): GatewayAddress {
  understood(message);
  return { host: host('host', message.host), port: portNumber('port', message.port) };
}

export function healthToWire(health: PeerHealth): MessageInitShape<typeof wire.PeerHealthSchema> {
  return { kind: HEALTH[health.kind], sinceMs: BigInt(healthSince(health)) };
}

function healthSince(health: PeerHealth): number {
  if (health.kind === 'failing') return health.sinceMs;
  return health.kind === 'returning' ? health.healthySinceMs : 0;
}

export function healthFromWire(message: Plain<wire.PeerHealth> | undefined): PeerHealth {
  const health = present('health', message);
  understood(health, 'health');
  const { kind, sinceMs } = health;
  const since = safeInteger('health.since_ms', sinceMs);
  switch (member('health.kind', HEALTH, kind)) {
    case 'steady':
      return { kind: 'steady' };
    case 'failing':
      return { kind: 'failing', sinceMs: since };
    case 'returning':
      return { kind: 'returning', healthySinceMs: since };
  }
}

/** By trust domain, the roots as DER. */
export type TrustBundles = ReadonlyMap<TrustDomain, readonly Uint8Array[]>;

export function trustBundlesToWire(bundles: TrustBundles): MessageInitShape<typeof wire.TrustBundleSchema>[] {
  return [...bundles].map(([domain, rootsDer]) => ({ trustDomain: domain, rootsDer: [...rootsDer] }));
}

export function trustBundlesFromWire(messages: readonly wire.TrustBundle[]): TrustBundles {
  return mapOf('trust_bundles', messages, BOUNDS.trustDomains, (message) => {
    understood(message);
    const roots = listOf('roots_der', message.rootsDer, BOUNDS.rootsPerTrustDomain, rootFromWire);
    return [trustDomain('trust_domain', message.trustDomain), roots] as const;
  });
}

function rootFromWire(der: Uint8Array): Uint8Array {
  if (der.length === 0 || der.length > BOUNDS.rootBytes) {
    throw new WireError(`: a root of ${der.length} bytes, 1 to ${BOUNDS.rootBytes} are allowed`);
  }
  // A copy: what the decoder gives is a view that would keep the whole message in memory.
  return new Uint8Array(der);
}

function trustDomain(field: string, value: string): TrustDomain {
  try {
    return parseTrustDomain(value);
  } catch (failure) {
    throw new WireError(`${field}: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
}
