import type { Locality } from '../../federation/model/cluster.ts';
import { claimPortBlock } from './ports.ts';

export const HOST = '127.0.0.1';
export const CLUSTERSET = 'demo.mesh';

/** How many imported service ports one demo cluster may open. */
const SERVICE_PORTS = 40;
const ECHO_PODS = 2;

/** Where one demo cluster is and what it listens on. */
export interface ClusterPlan {
  readonly name: string;
  readonly locality: Locality;
  readonly ports: ClusterPorts;
}

export interface ClusterPorts {
  readonly http: number;
  readonly mesh: number;
  readonly gatewayAdmin: number;
  readonly federation: number;
  readonly issuer: number;
  readonly federationAdmin: number;
  readonly servicesFrom: number;
  readonly servicesTo: number;
  readonly echoPorts: readonly number[];
  readonly streamPort: number;
  readonly grpcPort: number;
  readonly canaryPort: number;
}

/** Who enters, who is lost, and who else there is: two regions, three zones. */
export const ENTRY = 'east';
export const LOST = 'west';
export const OTHER = 'north';

const PLACES: readonly { readonly name: string; readonly locality: Locality }[] = [
  { name: ENTRY, locality: { region: 'eu', zone: 'eu-a' } },
  { name: LOST, locality: { region: 'us', zone: 'us-a' } },
  { name: OTHER, locality: { region: 'eu', zone: 'eu-b' } },
];

/** The order in which the echo service's policy prefers the clusters. */
export const TIERS: readonly string[] = [LOST, OTHER, ENTRY];

export async function planClusters(): Promise<ClusterPlan[]> {
  const plans: ClusterPlan[] = [];
  for (const place of PLACES) plans.push({ ...place, ports: await planPorts() });
  return plans;
}

async function planPorts(): Promise<ClusterPorts> {
  // One block for everything of ours: ports from the ephemeral range could be taken by a client before they open.
  const fixed = 9 + ECHO_PODS;
  const from = await claimPortBlock(fixed + SERVICE_PORTS, HOST, Math.random);
  const port = (offset: number): number => from + offset;
  return {
    http: port(0),
    mesh: port(1),
    gatewayAdmin: port(2),
    federation: port(3),
    federationAdmin: port(4),
    streamPort: port(5),
    grpcPort: port(6),
    canaryPort: port(7),
    issuer: port(8),
    echoPorts: Array.from({ length: ECHO_PODS }, (_, index) => port(9 + index)),
    servicesFrom: port(fixed),
    servicesTo: port(fixed + SERVICE_PORTS - 1),
  };
}

/** A port for a server of the demo that is not a cluster's. */
export async function planStorePort(): Promise<number> {
  return claimPortBlock(1, HOST, Math.random);
}
