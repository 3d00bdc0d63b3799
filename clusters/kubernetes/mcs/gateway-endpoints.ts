import { z } from 'zod';
import { endpointConditions } from '../../schema/endpoint-slice-schema.ts';
import type { AddressType } from './mcs-objects.ts';

/** A gateway pod as an endpoint of an EndpointSlice, in the shape in which the API has it. */
export interface GatewayEndpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean };
  readonly nodeName?: string;
  readonly zone?: string;
}

/** This cluster's gateway pods, by the family of their addresses; in the order of the addresses. */
export type GatewayEndpoints = ReadonlyMap<AddressType, readonly GatewayEndpoint[]>;

/** As the API server's own bound for a slice. */
const MAX_ENDPOINTS = 1000;

const slice = z.object({
  addressType: z.string(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()).min(1),
        conditions: endpointConditions,
        nodeName: z.string().nullish(),
        zone: z.string().nullish(),
      }),
    )
    .nullish(),
});

export interface GatewaySlice {
  readonly addressType: AddressType;
  readonly endpoints: readonly GatewayEndpoint[];
}

/** A slice of the gateways' own Service; undefined when it has no addresses of a kind that we can pass on. */
export function gatewaySlice(object: unknown): GatewaySlice | undefined {
  const read = slice.safeParse(object);
  if (!read.success) return undefined;
  const { addressType, endpoints } = read.data;
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return undefined;
  return {
    addressType,
    endpoints: (endpoints ?? []).map((found) => ({
      addresses: found.addresses.slice(0, 1),
      // What is not said counts as true of readiness, and as false of an end (discovery/v1).
      conditions: {
        ready: found.conditions.ready ?? true,
        serving: found.conditions.serving ?? found.conditions.ready ?? true,
        terminating: found.conditions.terminating ?? false,
      },
      ...(found.nodeName == null ? {} : { nodeName: found.nodeName }),
      ...(found.zone == null ? {} : { zone: found.zone }),
    })),
  };
}

export function joinGatewaySlices(slices: Iterable<GatewaySlice>): GatewayEndpoints {
  const byAddress = new Map<AddressType, Map<string, GatewayEndpoint>>();
  for (const { addressType, endpoints } of slices) {
    const known = byAddress.getOrInsertComputed(addressType, () => new Map());
    for (const endpoint of endpoints) {
      const [address = ''] = endpoint.addresses;
      // While a pod moves from slice to slice it is in two: the better word counts.
      if (known.get(address)?.conditions.ready !== true) known.set(address, endpoint);
    }
  }
  const joined = new Map<AddressType, readonly GatewayEndpoint[]>();
  for (const [addressType, known] of [...byAddress].sort(byKey)) {
    const endpoints = [...known].sort(byKey).map(([, endpoint]) => endpoint);
    joined.set(addressType, neverNone(endpoints).slice(0, MAX_ENDPOINTS));
  }
  return joined;
}

/**
 * Where no gateway is ready, all that do not end count as ready: nothing is lost by trying. For when an API server comes
 * back after a minute, Kubernetes at first takes its nodes, and with them all pods, for dead, and clients that connect
 * would be refused although every gateway is well.
 */
function neverNone(endpoints: readonly GatewayEndpoint[]): readonly GatewayEndpoint[] {
  if (endpoints.some(({ conditions }) => conditions.ready)) return endpoints;
  return endpoints.map((endpoint) =>
    endpoint.conditions.terminating
      ? endpoint
      : { ...endpoint, conditions: { ready: true, serving: true, terminating: false } },
  );
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
