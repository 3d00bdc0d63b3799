import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from '../model/endpoint.ts';
import type { ServiceName } from '../model/service.ts';
import type { ServiceOffer, SnapshotService } from '../model/snapshot.ts';
import { WireError } from './field-checks.ts';

/** More endpoints than this make no patch: the service as a whole is about as long then. */
const MAX_ADDED = 32;

/** An endpoint and where it is in its service's list. */
export interface PlacedEndpoint {
  readonly place: number;
  readonly endpoint: Endpoint;
}

/** What changed of a service of which little did: as a rule one of its endpoints, and what its cluster offers. */
export interface ServicePatch {
  readonly service: ServiceName;
  /** Each in place of its cluster's. */
  readonly offers: readonly ServiceOffer[];
  /** Their places in the list before, ascending. */
  readonly removedEndpoints: readonly number[];
  /** By their places in the list after, ascending. */
  readonly addedEndpoints: readonly PlacedEndpoint[];
  /** How many there are after. */
  readonly endpointCount: number;
}

/** What makes `before` into `after`; undefined where that is no less than `after` itself. */
export function servicePatch(before: SnapshotService, after: SnapshotService): ServicePatch | undefined {
  if (!sameFrame(before, after)) return undefined;
  const offers = changedOffers(before.offers, after.offers);
  const endpoints = changedEndpoints(before.endpoints, after.endpoints);
  if (offers === undefined || endpoints === undefined) return undefined;
  return { service: after.service, offers, ...endpoints, endpointCount: after.endpoints.length };
}

/** All but offers and endpoints. */
export function sameFrame(before: SnapshotService, after: SnapshotService): boolean {
  return (
    before.type === after.type &&
    before.backendOnly === after.backendOnly &&
    isSame(before.ports, after.ports) &&
    isSame(before.failover, after.failover) &&
    isSame(before.traffic, after.traffic) &&
    isSame(before.access, after.access) &&
    isSame(before.routes, after.routes)
  );
}

/** As a rule what stayed is the same object. */
function isSame(before: unknown, after: unknown): boolean {
  return before === after || isDeepStrictEqual(before, after);
}

/** undefined where they are not of the same clusters in the same order. */
export function changedOffers(
  before: readonly ServiceOffer[],
  after: readonly ServiceOffer[],
): readonly ServiceOffer[] | undefined {
  if (before.length !== after.length) return undefined;
  if (after.some(({ cluster }, index) => before[index]?.cluster !== cluster)) return undefined;
  return after.filter((offer, index) => !isSame(before[index], offer));
}

/** Endpoints that stay are the same objects, in the same order; one that has moved is taken out and put in. */
function changedEndpoints(
  before: readonly Endpoint[],
  after: readonly Endpoint[],
): Pick<ServicePatch, 'removedEndpoints' | 'addedEndpoints'> | undefined {
  const removedEndpoints: number[] = [];
  const addedEndpoints: PlacedEndpoint[] = [];
  let at = 0;
  for (const [place, endpoint] of after.entries()) {
    const found = endpoint === before[at] ? at : before.indexOf(endpoint, at);
    if (found < 0) {
      if (addedEndpoints.length === MAX_ADDED) return undefined;
      addedEndpoints.push({ place, endpoint });
      continue;
    }
    for (; at < found; at++) removedEndpoints.push(at);
    at = found + 1;
  }
  for (; at < before.length; at++) removedEndpoints.push(at);
  return { removedEndpoints, addedEndpoints };
}

/** @throws WireError where the patch is not one of this service. */
export function patchedService(before: SnapshotService, patch: ServicePatch): SnapshotService {
  return {
    ...before,
    offers: patchedOffers(before.offers, patch.offers),
    endpoints: patchedEndpoints(before.endpoints, patch),
  };
}

function patchedOffers(
  before: readonly ServiceOffer[],
  changed: readonly ServiceOffer[],
): readonly ServiceOffer[] {
  if (changed.length === 0) return before;
  const after = [...before];
  for (const offer of changed) {
    const index = before.findIndex(({ cluster }) => cluster === offer.cluster);
    if (index < 0) throw new WireError(`offers: there is none of ${offer.cluster} that it could replace`);
    after[index] = offer;
  }
  return after;
}

function patchedEndpoints(
  before: readonly Endpoint[],
  { removedEndpoints, addedEndpoints, endpointCount }: ServicePatch,
): readonly Endpoint[] {
  if (removedEndpoints.length === 0 && addedEndpoints.length === 0 && endpointCount === before.length)
    return before;
  const after: Endpoint[] = [];
  let removed = 0;
  let added = 0;
  const addAllHere = (): void => {
    for (let next = addedEndpoints[added]; next?.place === after.length; next = addedEndpoints[++added]) {
      after.push(next.endpoint);
    }
  };
  for (const [place, endpoint] of before.entries()) {
    addAllHere();
    if (removedEndpoints[removed] === place) removed++;
    else after.push(endpoint);
  }
  addAllHere();
  const isWhole = removed === removedEndpoints.length && added === addedEndpoints.length;
  if (isWhole && after.length === endpointCount) return after;
  throw new WireError(`endpoints: the changes do not fit the ${before.length} that are there`);
}
