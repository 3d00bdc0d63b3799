import type { Locality } from '../../federation/model/cluster.ts';
import type { Endpoint, EndpointState } from '../../federation/model/endpoint.ts';
import type { EndpointRuntime } from './endpoint-runtime.ts';
import type { UpstreamPlan } from './upstream-plan.ts';

/**
 * One address of one port of a local service, as one snapshot has it. What changes from request to request is in
 * `runtime`, which is the same object from snapshot to snapshot while the endpoint stays.
 */
export interface LocalEndpoint {
  /** What it was made from. */
  readonly source: Endpoint;
  /** `ip:port`, IPv6 in brackets. */
  readonly address: string;
  /** Names the pool of its connections: address, and all that decides how they are made. */
  readonly poolKey: string;
  readonly upstream: UpstreamPlan;
  readonly host: string;
  readonly port: number;
  readonly locality: Locality;
  /** `region/zone`. */
  readonly localityKey: string;
  /** What it can take beside others of its locality; 1 where nobody says. */
  readonly weight: number;
  /** The provider's readiness. */
  readonly state: EndpointState;
  readonly runtime: EndpointRuntime;
}
