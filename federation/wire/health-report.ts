import { create } from '@bufbuild/protobuf';
import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey } from '../model/service.ts';
import { BOUNDS } from './bounds.ts';
import {
  keyOfService,
  label,
  listOf,
  mapOf,
  member,
  plainText,
  safeInteger,
  within,
} from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';

/** What one gateway finds. Complete: what it does not name is as the provider says. */
export interface HealthReport {
  readonly trunks: readonly TrunkFinding[];
  readonly endpoints: readonly EndpointFinding[];
}

export interface TrunkFinding {
  readonly cluster: ClusterName;
  readonly up: boolean;
  /** When it came to this state by the gateway's clock, Unix ms. */
  readonly sinceMs: number;
  readonly rttSeconds: number;
}

/** `ejected`: outlier ejection; `pending`: its first active check has no result yet. */
export type EndpointFindingState = 'healthy' | 'unhealthy' | 'ejected' | 'pending';

export interface EndpointFinding {
  readonly service: ServiceKey;
  /** `address:port` of one of the endpoint's ports. */
  readonly address: string;
  readonly state: EndpointFindingState;
}

const STATE: Readonly<Record<EndpointFindingState, wire.EndpointHealth_State>> = {
  healthy: wire.EndpointHealth_State.HEALTHY,
  unhealthy: wire.EndpointHealth_State.UNHEALTHY,
  ejected: wire.EndpointHealth_State.EJECTED,
  pending: wire.EndpointHealth_State.PENDING,
};

const MAX_RTT_SECONDS = 3600;

export function healthReportToWire(report: HealthReport): wire.HealthReport {
  return create(wire.HealthReportSchema, {
    trunks: report.trunks.map((trunk) => ({ ...trunk, sinceMs: BigInt(trunk.sinceMs) })),
    endpoints: report.endpoints.map((endpoint) => ({ ...endpoint, state: STATE[endpoint.state] })),
  });
}

/** @throws WireError naming the field that breaks the contract. */
export function healthReportFromWire(message: wire.HealthReport): HealthReport {
  const trunks = mapOf('trunks', message.trunks, BOUNDS.peers, (trunk) => {
    const cluster = label('cluster', trunk.cluster);
    const sinceMs = safeInteger('since_ms', trunk.sinceMs);
    const rttSeconds = within('rtt_seconds', trunk.rttSeconds, 0, MAX_RTT_SECONDS);
    return [cluster, { cluster, up: trunk.up, sinceMs, rttSeconds }] as const;
  });
  return {
    trunks: [...trunks.values()],
    endpoints: listOf('endpoints', message.endpoints, BOUNDS.reportedEndpoints, endpointFromWire),
  };
}

function endpointFromWire(message: wire.EndpointHealth): EndpointFinding {
  return {
    service: keyOfService('service', message.service),
    address: plainText('address', message.address, BOUNDS.localityLength + 8),
    state: member('state', STATE, message.state),
  };
}
