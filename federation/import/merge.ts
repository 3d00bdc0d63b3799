import type { ClusterName } from '../model/cluster.ts';
import type {
  ExportTraits,
  OtherPort,
  ServiceKey,
  ServicePort,
  ServiceRecord,
  ServiceType,
} from '../model/service.ts';
import { serviceKey, traitsOf } from '../model/service.ts';
import { BOUNDS } from '../wire/bounds.ts';
import { bounded, type ExportConflict, type ServiceExport, traitConflicts } from './export-conflict.ts';

export interface MergedService {
  readonly type: ServiceType;
  /** The oldest export's. */
  readonly traits: ExportTraits;
  readonly ports: readonly ServicePort[];
  /** Of the same union, those that no gateway carries. */
  readonly otherPorts: readonly OtherPort[];
  /** By cluster, the names of the merged ports that it has. */
  readonly portsOf: ReadonlyMap<ClusterName, readonly string[]>;
  readonly conflicts: readonly ExportConflict[];
}

type AnyPort = ServicePort | OtherPort;

interface Claim {
  readonly port: AnyPort;
  readonly cluster: ClusterName;
}

interface Merge {
  readonly service: ServiceKey;
  readonly byName: Map<string, Claim>;
  /** A number may be there once for each transport. */
  readonly byNumber: Map<string, Claim>;
  readonly conflicts: ExportConflict[];
}

/**
 * Joins the exports of one service by KEP-1645's rules: the ports are a union, and where exports disagree the
 * oldest holds (of equally old ones the cluster whose name comes first), so every member comes to the same result.
 * @param exports at least one, of one service
 */
export function mergeExports(exports: readonly ServiceExport[]): MergedService {
  const ordered = [...exports].sort(byAge);
  const [oldest] = ordered;
  if (oldest === undefined) throw new Error('a service without exports cannot be merged');
  const merge: Merge = {
    service: serviceKey(oldest.record.service),
    byName: new Map(),
    byNumber: new Map(),
    conflicts: [],
  };
  const portsOf = new Map<ClusterName, readonly string[]>();
  for (const found of ordered) {
    merge.conflicts.push(...traitConflicts(found, oldest));
    const before = merge.conflicts.length;
    const { ports, otherPorts = [] } = found.record;
    portsOf.set(
      found.cluster,
      ports.filter((port) => joinPort(merge, found.cluster, port)).map((port) => port.name),
    );
    for (const port of otherPorts) joinPort(merge, found.cluster, port);
    if (merge.conflicts.length === before) comparePorts(merge, found, oldest);
  }
  const all = [...merge.byName.values()].map((claim) => claim.port);
  return {
    type: oldest.record.type,
    traits: traitsFrom(oldest.record),
    ports: all.filter((port): port is ServicePort => !isOther(port)),
    otherPorts: all.filter(isOther),
    portsOf,
    conflicts: merge.conflicts,
  };
}

function isOther(port: AnyPort): port is OtherPort {
  return 'transport' in port;
}

function transportOf(port: AnyPort): string {
  return isOther(port) ? port.transport : 'TCP';
}

/** Nothing stands between the clients of a headless service and its pods. */
function traitsFrom(record: ServiceRecord): ExportTraits {
  const unless = { sessionAffinity: undefined, internalTrafficPolicy: undefined };
  return traitsOf(record.type === 'Headless' ? { ...record, ...unless } : record);
}

function byAge(a: ServiceExport, b: ServiceExport): number {
  return a.record.exportedAtMs - b.record.exportedAtMs || (a.cluster < b.cluster ? -1 : 1);
}

/** Ports that only one of the exports has are in the union, and yet not in each cluster: that is a conflict too. */
function comparePorts(merge: Merge, found: ServiceExport, oldest: ServiceExport): void {
  const [own, older] = [portList(found.record), portList(oldest.record)];
  if (own === older) return;
  const message = `ports are ${bounded(own)}, in the older export of ${oldest.cluster} ${bounded(older)}; the import has those of both`;
  conflict(merge, found.cluster, oldest, message);
}

function portList({ ports, otherPorts = [] }: ServiceRecord): string {
  const all = [...ports, ...otherPorts];
  return all.length === 0 ? 'none' : all.map(shown).sort().join(', ');
}

/** Adds a port to the union. True when the cluster's hosts can be reached by the merged port of this name. */
function joinPort(merge: Merge, cluster: ClusterName, port: AnyPort): boolean {
  const claim = merge.byName.get(port.name);
  if (claim !== undefined) return joinClaimed(merge, cluster, port, claim);
  const other = besideUnnamed(merge, port);
  if (other !== undefined) {
    const message = `port is ${shown(port)}, in the older export of ${other.cluster} ${shown(other.port)}; of several ports each needs a name`;
    conflict(merge, cluster, other, message);
    return false;
  }
  const number = `${transportOf(port)} ${port.port}`;
  const sameNumber = merge.byNumber.get(number);
  if (sameNumber !== undefined) {
    const message = `port ${port.port} is ${shown(port)}, in the older export of ${sameNumber.cluster} ${shown(sameNumber.port)}`;
    conflict(merge, cluster, sameNumber, message);
    return false;
  }
  if (merge.byName.size >= BOUNDS.portsPerService) {
    const [first] = merge.byName.values();
    if (first !== undefined) conflict(merge, cluster, first, `port ${shown(port)} is one too many`);
    return false;
  }
  merge.byName.set(port.name, { port, cluster });
  merge.byNumber.set(number, { port, cluster });
  return true;
}

/** A port without a name is the only one of its Service, and so of its import: the API server takes no other. */
function besideUnnamed({ byName }: Merge, { name }: AnyPort): Claim | undefined {
  return name === '' ? byName.values().next().value : byName.get('');
}

/** Hosts are found by the port's name, so another number is no hindrance; another protocol is. */
function joinClaimed(merge: Merge, cluster: ClusterName, port: AnyPort, claim: Claim): boolean {
  const { port: older } = claim;
  const spoken = spokenOn(older) === spokenOn(port);
  const same = spoken && older.port === port.port && older.appProtocol === port.appProtocol;
  if (!same) {
    conflict(
      merge,
      cluster,
      claim,
      `port is ${shown(port)}, in the older export of ${claim.cluster} ${shown(older)}`,
    );
  }
  return spoken;
}

function conflict(
  merge: Merge,
  cluster: ClusterName,
  winner: { readonly cluster: ClusterName },
  message: string,
): void {
  merge.conflicts.push({
    service: merge.service,
    cluster,
    winner: winner.cluster,
    reason: 'PortConflict',
    message,
  });
}

function spokenOn(port: AnyPort): string {
  return isOther(port) ? port.transport : port.protocol;
}

function shown(port: AnyPort): string {
  const name = port.name === '' ? 'unnamed' : port.name;
  const other = isOther(port) && port.appProtocol !== undefined ? `${port.transport}, ` : '';
  return `${name} ${port.port} (${other}${port.appProtocol ?? spokenOn(port)})`;
}
