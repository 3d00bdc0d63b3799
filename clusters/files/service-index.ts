import { isDeepStrictEqual } from 'node:util';
import type { Locality } from '../../federation/model/cluster.ts';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import { parseServiceKey, type ServiceKey, serviceKey } from '../../federation/model/service.ts';
import type { ProvidedService, ProviderProblem } from '../provider.ts';
import { type NodePlaces, sliceService } from '../schema/endpoint-slice-schema.ts';
import { createdAtMs } from '../schema/metadata.ts';
import { exportedNames } from '../schema/service-export-schema.ts';
import {
  firstFamily,
  otherPorts,
  type ServiceObject,
  servicePorts,
  serviceTraits,
  serviceType,
} from '../schema/service-schema.ts';
import { joinSlices } from './joined-slices.ts';
import { type FileObject, placeOf } from './resource-file.ts';
import type { ResourceSet } from './resource-set.ts';

const NO_PLACES: NodePlaces = { get: () => undefined };

/** Joins Service, ServiceExport and EndpointSlice objects to services; only what changed is built anew. */
export class ServiceIndex {
  readonly services = new Map<ServiceKey, ProvidedService>();
  readonly #resources: ResourceSet;
  readonly #home: Locality;
  readonly #places: NodePlaces;
  readonly #flat: boolean;
  readonly #slices = new Map<ServiceKey, Set<string>>();
  /** Services that were joined of one slice, where an address names one endpoint. */
  readonly #ofOneSlice = new Set<ServiceKey>();
  /** Services whose export has a problem: few of many. */
  readonly #faulty = new Set<ServiceKey>();
  /** Where a slice was counted last: its label may change. */
  readonly #serviceOfSlice = new Map<string, ServiceKey>();

  /** @param flat addresses of headless services are exported too */
  constructor(resources: ResourceSet, home: Locality, places: NodePlaces = NO_PLACES, flat = false) {
    this.#flat = flat;
    this.#resources = resources;
    this.#home = home;
    this.#places = places;
  }

  /** Takes changed objects in; returns the services that are different now. */
  update(ids: Iterable<string>): ServiceKey[] {
    const dirty = new Set<ServiceKey>();
    for (const id of ids) for (const key of this.#affected(id)) dirty.add(key);
    return [...dirty].filter((key) => this.#rebuild(key));
  }

  /** Nodes are somewhere else than they were; returns the services that are different now. */
  moved(nodes: ReadonlySet<string>): ServiceKey[] {
    const dirty = new Set<ServiceKey>();
    for (const { id, resource } of this.#resources.ofKind('EndpointSlice')) {
      const key = this.#serviceOfSlice.get(id);
      if (resource.kind !== 'EndpointSlice' || key === undefined) continue;
      if (resource.endpoints?.some(({ nodeName }) => nodeName != null && nodes.has(nodeName))) dirty.add(key);
    }
    return [...dirty].filter((key) => this.#rebuild(key));
  }

  /** Exports that offer nothing, or less than their Service has. */
  problems(): ProviderProblem[] {
    const problems: ProviderProblem[] = [];
    for (const key of this.#faulty) {
      const object = this.#resources.get(`ServiceExport/${key}`);
      if (object === undefined) continue;
      const problem = this.#exportProblem(key);
      if (problem !== undefined) problems.push({ where: placeOf(object), ...problem });
    }
    return problems;
  }

  #affected(id: string): ServiceKey[] {
    const [kind, namespace, name] = id.split('/');
    const key = `${namespace}/${name}`;
    if (kind === 'Service' || kind === 'ServiceExport') return [key];
    if (kind !== 'EndpointSlice') return [];
    const before = this.#serviceOfSlice.get(id);
    if (before !== undefined) this.#slices.get(before)?.delete(id);
    const resource = this.#resources.get(id)?.resource;
    if (resource?.kind !== 'EndpointSlice') {
      this.#serviceOfSlice.delete(id);
      return before === undefined ? [] : [before];
    }
    const after = serviceKey(sliceService(resource));
    this.#serviceOfSlice.set(id, after);
    const slices = this.#slices.get(after);
    if (slices === undefined) this.#slices.set(after, new Set([id]));
    else slices.add(id);
    return before === undefined ? [after] : [before, after];
  }

  #rebuild(key: ServiceKey): boolean {
    const changed = this.#replace(key);
    const exported = this.#resources.get(`ServiceExport/${key}`) !== undefined;
    if (exported && this.#exportProblem(key) !== undefined) this.#faulty.add(key);
    else this.#faulty.delete(key);
    return changed;
  }

  #exportProblem(key: ServiceKey): Omit<ProviderProblem, 'where'> | undefined {
    return exportProblem(key, this.services.get(key), this.#flat);
  }

  #replace(key: ServiceKey): boolean {
    const before = this.services.get(key);
    const after = this.#build(key);
    if (after === undefined) {
      this.#ofOneSlice.delete(key);
      return this.services.delete(key);
    }
    if (isDeepStrictEqual(before, after)) return false;
    this.services.set(key, after);
    return true;
  }

  #build(key: ServiceKey): ProvidedService | undefined {
    const object = this.#resources.get(`Service/${key}`);
    if (object?.resource.kind !== 'Service') return undefined;
    const exported = this.#resources.get(`ServiceExport/${key}`);
    const slices = this.#sliceObjects(key);
    const others = otherPorts(object.resource);
    return {
      service: parseServiceKey(key),
      type: serviceType(object.resource),
      ports: servicePorts(object.resource),
      ...(others.length === 0 ? {} : { otherPorts: others }),
      endpoints: this.#endpoints(key, slices, object.resource),
      exportedAtMs: exported === undefined ? undefined : creation(exported),
      changedAtMs: Math.max(...[object, exported, ...slices].map((one) => one?.changedAtMs ?? 0)),
      ...serviceTraits(object.resource),
      ...(exported?.resource.kind === 'ServiceExport' ? exportedNames(exported.resource) : {}),
    };
  }

  /** An endpoint that is as it was stays the same object, since the same time: of a slice one changes, of many. */
  #endpoints(key: ServiceKey, slices: readonly FileObject[], service: ServiceObject): readonly Endpoint[] {
    const before = this.services.get(key)?.endpoints ?? [];
    const now = joinSlices(slices, {
      firstFamily: firstFamily(service),
      home: this.#home,
      places: this.#places,
      different: this.#ofOneSlice.has(key) ? before : [],
    });
    if (slices.length === 1) this.#ofOneSlice.add(key);
    else this.#ofOneSlice.delete(key);
    if (before.length === 0) return now;
    let known: ReadonlyMap<string, Endpoint> | undefined;
    const find = (address: string): Endpoint | undefined => {
      known ??= new Map(before.map((endpoint) => [endpoint.address, endpoint]));
      return known.get(address);
    };
    const samePorts = portsComparison();
    return now.map((endpoint, index) => {
      const atPlace = before[index];
      const old = atPlace?.address === endpoint.address ? atPlace : find(endpoint.address);
      return old !== undefined && isSameEndpoint(old, endpoint, samePorts) ? old : endpoint;
    });
  }

  #sliceObjects(key: ServiceKey): FileObject[] {
    return [...(this.#slices.get(key) ?? [])]
      .sort()
      .map((id) => this.#resources.get(id))
      .filter((object) => object !== undefined);
  }
}

type PortsComparison = (a: Endpoint['ports'], b: Endpoint['ports']) => boolean;

/** All endpoints of a slice have the same object for their ports: what was compared last is not compared again. */
function portsComparison(): PortsComparison {
  let last: readonly [Endpoint['ports'], Endpoint['ports'], boolean] | undefined;
  return (a, b) => {
    if (last?.[0] !== a || last[1] !== b) last = [a, b, isDeepStrictEqual(a, b)];
    return last[2];
  };
}

function isSameEndpoint(a: Endpoint, b: Endpoint, samePorts: PortsComparison): boolean {
  return (
    a.state === b.state &&
    a.locality.zone === b.locality.zone &&
    a.locality.region === b.locality.region &&
    a.hostname === b.hostname &&
    a.otherAddress === b.otherAddress &&
    a.weight === b.weight &&
    samePorts(a.ports, b.ports)
  );
}

/** MCS: Valid=False with reason NoService, and what nothing between clusters that are not flat can carry. */
function exportProblem(
  key: ServiceKey,
  provided: ProvidedService | undefined,
  flat: boolean,
): Omit<ProviderProblem, 'where'> | undefined {
  if (provided === undefined) {
    return {
      message: `ServiceExport ${key}: there is no Service of this name`,
      hint: 'add the Service, or remove the export',
    };
  }
  if (provided.type !== 'Headless' || flat) return undefined;
  return {
    message: `ServiceExport ${key}: the Service is headless (clusterIP: None) and is exported without its addresses`,
    hint: 'addresses are exported only on a flat network (network in federation.yaml): give the Service a cluster IP, or remove the export',
  };
}

/** An object that does not say when it was created counts from its file's time. */
function creation(object: FileObject): number {
  return createdAtMs(object.resource.metadata) ?? object.createdAtMs;
}
