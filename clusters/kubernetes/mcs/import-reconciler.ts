import type { ClusterName } from '../../../federation/model/cluster.ts';
import { parseServiceKey, type ServiceKey } from '../../../federation/model/service.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import { isRefusal } from '../keyed-work.ts';
import type { KubeError } from '../kube-error.ts';
import type { KubeObject } from '../resource-type.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { ClustersetService, ClustersetView } from './clusterset-view.ts';
import { datedConditions, hasConditions } from './conditions.ts';
import {
  type Derived,
  desiredDerived,
  desiredImport,
  importReady,
  leadingIps,
  ownedSlice,
} from './desired-import.ts';
import { derivedName } from './mcs-objects.ts';
import type { ObservedImport } from './observed.ts';
import { ForeignObject } from './owned-objects.ts';

export interface ReconcilerParts {
  readonly view: ClustersetView;
  readonly objects: ClusterObjects;
  readonly clock: Clock;
}

/** What became of the objects that give an import its address. */
interface Provided {
  readonly ips: readonly string[];
  readonly slices: boolean;
  readonly refusal: string | undefined;
}

/** Makes what the cluster has of one imported service what it should have. A step that fails is taken again. */
export async function reconcileImport(parts: ReconcilerParts, key: ServiceKey): Promise<void> {
  const { view, objects } = parts;
  const known = view.serviceOf(key);
  const { namespace } = parseServiceKey(key);
  // A namespace that ends takes all that is in it along.
  if (!objects.hasNamespace(namespace)) return;
  if (known !== undefined) await provide(parts, key, known);
  else if (view.isGone(key, exportersOf(parts, key))) await withdraw(parts, key);
}

/** As our import says. */
function exportersOf({ objects }: ReconcilerParts, key: ServiceKey): readonly ClusterName[] {
  return objects.imports.of(key).flatMap(({ clusters }) => clusters);
}

async function provide(parts: ReconcilerParts, key: ServiceKey, known: ClustersetService): Promise<void> {
  const { objects } = parts;
  const other = objects.imports.get(known.service);
  // Before anything is made that only the import would lead to; what was made before it was seen goes again.
  if (other?.ours === false) {
    await withdrawDerived(parts, key);
    throw new ForeignObject(`ServiceImport ${key}`);
  }
  const derived = desiredDerived(known, objects.gateways);
  const refusals: KubeError[] = [];
  const ips =
    derived?.service === undefined
      ? addressesOf(parts, known)
      : await provideService(parts, derived.service, refusals);
  const { imports } = objects;
  const written = await imports.ensure(desiredImport(known, ips, imports.type));
  for (const slice of derived?.slices ?? []) {
    const owned = ownedSlice(slice, written, imports.type);
    await unlessRefused(objects.slices.ensure(owned), refusals);
  }
  await writeStatus(
    parts,
    known,
    { ips, slices: derived !== undefined || ips.length > 0, refusal: refusals[0]?.message },
    written,
  );
  await removeOthers(parts, key, derived, awaitsPorts(known));
  const [refusal] = refusals;
  if (refusal !== undefined) throw refusal;
}

/**
 * Whether it will have a derived Service once the gateways' ports for it are known. A leader may come to know of them after it
 * knows of the service: what is there stays meanwhile, for another Service would have another address.
 */
function awaitsPorts({ type, ports }: ClustersetService): boolean {
  return type !== 'Headless' && ports.length > 0 && ports.every(({ listenPort }) => listenPort === undefined);
}

/** Of what is there and stays. */
function addressesOf({ objects }: ReconcilerParts, known: ClustersetService): readonly string[] {
  const { namespace } = known.service;
  const found = objects.services.get({ namespace, name: derivedName(known.service) });
  return awaitsPorts(known) && found?.ours === true ? leadingIps(found.clusterIPs, objects.gateways) : [];
}

/** @returns the addresses of the Service by which gateways are reached: where a change of it is refused, it keeps them */
async function provideService(
  { objects }: ReconcilerParts,
  service: KubeObject,
  refusals: KubeError[],
): Promise<readonly string[]> {
  const ensured = await unlessRefused(objects.services.ensure(service), refusals);
  const ips = (ensured ?? objects.services.get(service.metadata))?.clusterIPs ?? [];
  return leadingIps(ips, objects.gateways);
}

/** One object that the API server does not take must not keep the others, and the status that tells of it, from being written. */
async function unlessRefused<T>(ensuring: Promise<T>, refusals: KubeError[]): Promise<T | undefined> {
  try {
    return await ensuring;
  } catch (failure) {
    if (!isRefusal(failure)) throw failure;
    refusals.push(failure);
    return undefined;
  }
}

async function writeStatus(
  { objects, clock }: ReconcilerParts,
  known: ClustersetService,
  { ips, slices, refusal }: Provided,
  found: ObservedImport,
): Promise<void> {
  const wanted = importReady(known, ips, objects.gateways, refusal);
  const conditions = datedConditions([wanted], found.conditions, found.generation, clock.now());
  const clusters = known.offers.map(({ cluster }) => cluster);
  const present = slices && (known.type === 'Headless' || ips.length > 0);
  const endpointSliceObjects = present ? 'Present' : 'Absent';
  const same =
    hasConditions(found.conditions, conditions) &&
    found.endpointSliceObjects === endpointSliceObjects &&
    JSON.stringify([...found.clusters].sort()) === JSON.stringify([...clusters].sort());
  if (same) return;
  const status = { clusters: clusters.map((cluster) => ({ cluster })), conditions, endpointSliceObjects };
  const essence = JSON.stringify([wanted, found.generation, [...clusters].sort(), endpointSliceObjects]);
  await objects.imports.writeStatus(found, status, essence);
}

/**
 * What was made for it and is not meant any more: slices of clusters that no longer offer it, a Service of no port.
 * @param stays what gives it an address is left as it is
 */
async function removeOthers(
  { objects }: ReconcilerParts,
  key: ServiceKey,
  derived: Derived | undefined,
  stays: boolean,
): Promise<void> {
  const { name } = parseServiceKey(key);
  for (const other of objects.imports.of(key)) if (other.name !== name) await objects.imports.remove(other);
  if (stays) return;
  const slices = new Set(derived?.slices.map(({ metadata }) => metadata.name));
  for (const slice of objects.slices.of(key)) {
    if (!slices.has(slice.name)) await objects.slices.remove(slice);
  }
  for (const service of objects.services.of(key)) {
    if (service.name !== derived?.service?.metadata.name) await objects.services.remove(service);
  }
}

/** The import first: no name leads to what is taken away next. */
async function withdraw(parts: ReconcilerParts, key: ServiceKey): Promise<void> {
  const { imports } = parts.objects;
  for (const found of imports.of(key)) await imports.remove(found);
  await withdrawDerived(parts, key);
}

async function withdrawDerived({ objects }: ReconcilerParts, key: ServiceKey): Promise<void> {
  for (const slice of objects.slices.of(key)) await objects.slices.remove(slice);
  for (const service of objects.services.of(key)) await objects.services.remove(service);
}
