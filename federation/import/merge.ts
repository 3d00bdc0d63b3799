import type { ClusterName } from '../model/cluster.ts';
import type { ExportTraits, ServiceKey, ServicePort, ServiceRecord, ServiceType } from '../model/service.ts';
import { serviceKey, traitsOf } from '../model/service.ts';
import { BOUNDS } from '../wire/bounds.ts';
import { bounded, type ExportConflict, type ServiceExport, traitConflicts } from './export-conflict.ts';

export interface MergedService {
  readonly type: ServiceType;
  /** The oldest export's. */
  readonly traits: ExportTraits;
  readonly ports: readonly ServicePort[];
  /** By cluster, the names of the merged ports that it has. */
  readonly portsOf: ReadonlyMap<ClusterName, readonly string[]>;
  readonly conflicts: readonly ExportConflict[];
}

interface Claim {
  readonly port: ServicePort;
  readonly cluster: ClusterName;
}

interface Merge {
  readonly service: ServiceKey;
  readonly byName: Map<string, Claim>;
  readonly byNumber: Map<number, Claim>;
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
    portsOf.set(
      found.cluster,
      found.record.ports.filter((port) => joinPort(merge, found.cluster, port)).map((port) => port.name),
    );
    if (merge.conflicts.length === before) comparePorts(merge, found, oldest);
  }
  const ports = [...merge.byName.values()].map((claim) => claim.port);
  const { type } = oldest.record;
  return { type, traits: traitsFrom(oldest.record), ports, portsOf, conflicts: merge.conflicts };
}

/** A headless service has no affinity. */
function traitsFrom(record: ServiceRecord): ExportTraits {
  return traitsOf(record.type === 'Headless' ? { ...record, sessionAffinity: undefined } : record);
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

function portList({ ports }: ServiceRecord): string {
  return ports.length === 0 ? 'none' : ports.map(shown).sort().join(', ');
}

/** Adds a port to the union. True when the cluster's hosts can be reached by the merged port of this name. */
function joinPort(merge: Merge, cluster: ClusterName, port: ServicePort): boolean {
  const claim = merge.byName.get(port.name);
  if (claim !== undefined) return joinClaimed(merge, cluster, port, claim);
  const sameNumber = merge.byNumber.get(port.port);
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
  merge.byNumber.set(port.port, { port, cluster });
  return true;
}

/** Hosts are found by the port's name, so another number is no hindrance; another protocol is. */
function joinClaimed(merge: Merge, cluster: ClusterName, port: ServicePort, claim: Claim): boolean {
  const { port: older } = claim;
  const same =
    older.port === port.port && older.protocol === port.protocol && older.appProtocol === port.appProtocol;
  if (!same) {
    conflict(
      merge,
      cluster,
      claim,
      `port is ${shown(port)}, in the older export of ${claim.cluster} ${shown(older)}`,
    );
  }
  return older.protocol === port.protocol;
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

function shown(port: ServicePort): string {
  const name = port.name === '' ? 'unnamed' : port.name;
  return `${name} ${port.port} (${port.appProtocol ?? port.protocol})`;
}
