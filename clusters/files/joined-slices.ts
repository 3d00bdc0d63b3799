import type { Locality } from '../../federation/model/cluster.ts';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import type { IpFamily } from '../../federation/model/service.ts';
import {
  type EndpointSliceObject,
  type NodePlaces,
  sliceEndpoints,
  slicePorts,
} from '../schema/endpoint-slice-schema.ts';
import type { FileObject } from './resource-file.ts';

interface Joining {
  /** Of the Service's addresses; pods that have one of it are called by that. */
  readonly firstFamily: IpFamily;
  readonly home: Locality;
  readonly places: NodePlaces;
  /** Endpoints that all have addresses of their own: a slice that has the same ones in this order has none twice. */
  readonly different?: readonly Endpoint[];
}

interface Slice {
  readonly slice: EndpointSliceObject;
  readonly changedAtMs: number;
}

/**
 * The endpoints of a service, each pod once. The same endpoint may stand in two slices while the API server moves it: ready in
 * one is ready. A dual-stack Service has slices of both families with the same pods.
 */
export function joinSlices(
  objects: readonly FileObject[],
  { firstFamily, home, places, different = [] }: Joining,
): Endpoint[] {
  const slices = objects.flatMap(({ resource, changedAtMs }): Slice[] =>
    resource.kind === 'EndpointSlice' ? [{ slice: resource, changedAtMs }] : [],
  );
  const [only] = slices;
  if (only !== undefined && slices.length === 1) return ofOne(only, { home, places, different });
  const byTarget = new Map<string, Endpoint>();
  const first = slices.filter(({ slice }) => slice.addressType === firstFamily);
  const isDual = first.length > 0 && first.length < slices.length;
  const pods = isDual ? podsOf(first) : undefined;
  for (const { slice, changedAtMs } of isDual ? [...first, ...without(slices, firstFamily)] : slices) {
    const ports = JSON.stringify(slicePorts(slice));
    for (const [at, endpoint] of sliceEndpoints(slice, home, changedAtMs, places).entries()) {
      const twin = slice.addressType === firstFamily ? undefined : pods?.get(podAt(slice, at, ports));
      const other = byTarget.get(twin ?? `${endpoint.address} ${ports}`);
      if (twin !== undefined && other !== undefined)
        byTarget.set(twin, { ...other, otherAddress: endpoint.address });
      else if (other?.state !== 'ready') byTarget.set(`${endpoint.address} ${ports}`, endpoint);
    }
  }
  return [...byTarget.values()];
}

/** Of one slice all endpoints have the same ports, so that an address names one. */
function ofOne(
  { slice, changedAtMs }: Slice,
  { home, places, different }: Pick<Required<Joining>, 'home' | 'places' | 'different'>,
): Endpoint[] {
  const endpoints = sliceEndpoints(slice, home, changedAtMs, places);
  if (hasSameAddresses(different, endpoints)) return endpoints;
  const byAddress = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    if (byAddress.get(endpoint.address)?.state !== 'ready') byAddress.set(endpoint.address, endpoint);
  }
  return [...byAddress.values()];
}

function hasSameAddresses(before: readonly Endpoint[], now: readonly Endpoint[]): boolean {
  return (
    before.length === now.length && now.every(({ address }, index) => address === before[index]?.address)
  );
}

/** By pod and its ports, where its endpoint is found. */
function podsOf(slices: readonly Slice[]): ReadonlyMap<string | undefined, string> {
  const pods = new Map<string, string>();
  for (const { slice } of slices) {
    const ports = JSON.stringify(slicePorts(slice));
    for (const [at, { addresses }] of (slice.endpoints ?? []).entries()) {
      const pod = podAt(slice, at, ports);
      if (pod !== undefined) pods.set(pod, `${addresses[0]} ${ports}`);
    }
  }
  return pods;
}

/** undefined where the slice does not say which pod it is. */
function podAt({ endpoints }: EndpointSliceObject, at: number, ports: string): string | undefined {
  const name = endpoints?.[at]?.targetRef;
  return name == null ? undefined : `${name} ${ports}`;
}

function without(slices: readonly Slice[], family: IpFamily): readonly Slice[] {
  return slices.filter(({ slice }) => slice.addressType !== family);
}
