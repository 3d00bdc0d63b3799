import type { TrustDomain } from './identity.ts';

/** A cluster's name in its clusterset: an RFC 1123 label, e.g. `west`. */
export type ClusterName = string;

/** Where hosts stand, as Kubernetes' topology labels say it. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
}

/** `host:port` where a cluster's gateways accept trunks. */
export interface GatewayAddress {
  readonly host: string;
  readonly port: number;
}

/** Whether a cluster's own word is current: "unreachable" is never confused with "empty". */
export type PeerReach =
  /** Nothing signed by it was ever read. */
  | 'unknown'
  | 'synced'
  /** No new head for 10 s although the store answered: what it last said stays, marked stale. */
  | 'unreachable'
  /** It left the clusterset by its own signed word. */
  | 'left';

/** An RFC 1123 label. */
export const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** True for an RFC 1123 label: what a cluster, a namespace or a service may be called. */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

const PLACE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** True for what a region or a zone may be called: the value of a Kubernetes label, for they come from one. */
export function isPlaceName(text: string): boolean {
  return PLACE.test(text);
}

export function localityKey(locality: Locality): string {
  return `${locality.region}/${locality.zone}`;
}

/** What this cluster knows of itself. */
export interface LocalCluster {
  readonly name: ClusterName;
  readonly clusterset: string;
  readonly trustDomain: TrustDomain;
  readonly locality: Locality;
}
