import type { ClusterName } from '../model/cluster.ts';
import { type ServiceKey, type ServiceRecord, serviceKey } from '../model/service.ts';

/** One cluster's export of a service. */
export interface ServiceExport {
  readonly cluster: ClusterName;
  readonly record: ServiceRecord;
}

/** KEP-1645's reasons of a ServiceExport's condition `Conflict`. */
export type ConflictReason =
  | 'TypeConflict'
  | 'PortConflict'
  | 'SessionAffinityConflict'
  | 'SessionAffinityConfigConflict'
  | 'InternalTrafficPolicyConflict'
  | 'IPFamilyConflict'
  | 'TrafficDistributionConflict'
  | 'LabelsConflict'
  | 'AnnotationsConflict';

/** Where an export disagrees with an older one. KEP-1645 reports it as condition Conflict on the ServiceExport. */
export interface ExportConflict {
  readonly service: ServiceKey;
  /** Whose export lost. */
  readonly cluster: ClusterName;
  /** Whose older export holds. */
  readonly winner: ClusterName;
  readonly reason: ConflictReason;
  readonly message: string;
}

interface Trait {
  readonly name: string;
  readonly reason: ConflictReason;
  /** The same text for the same value; undefined = it says nothing there, and so cannot disagree. */
  readonly shown: (record: ServiceRecord) => string | undefined;
}

const MAX_SHOWN = 200;

const TRAITS: readonly Trait[] = [
  { name: 'type', reason: 'TypeConflict', shown: ({ type }) => type },
  { name: 'sessionAffinity', reason: 'SessionAffinityConflict', shown: affinity },
  {
    name: 'sessionAffinityConfig.clientIP.timeoutSeconds',
    reason: 'SessionAffinityConfigConflict',
    shown: (record) =>
      affinity(record) === 'ClientIP' ? `${record.sessionAffinity?.timeoutSeconds}` : undefined,
  },
  {
    name: 'internalTrafficPolicy',
    reason: 'InternalTrafficPolicyConflict',
    shown: ({ type, internalTrafficPolicy }) =>
      type === 'Headless' ? undefined : (internalTrafficPolicy ?? 'Cluster'),
  },
  // Through gateways every client comes to every pod, whatever the families of both.
  {
    name: 'ipFamilies',
    reason: 'IPFamilyConflict',
    shown: ({ type, ipFamilies }) => (type === 'Headless' ? ipFamilies?.toSorted().join() : undefined),
  },
  {
    name: 'trafficDistribution',
    reason: 'TrafficDistributionConflict',
    shown: ({ trafficDistribution }) => trafficDistribution ?? 'none',
  },
  { name: 'exportedLabels', reason: 'LabelsConflict', shown: ({ labels }) => pairs(labels) },
  {
    name: 'exportedAnnotations',
    reason: 'AnnotationsConflict',
    shown: ({ annotations }) => pairs(annotations),
  },
];

/** Where one export and the oldest one differ in what a service can have only one of. */
export function traitConflicts(found: ServiceExport, oldest: ServiceExport): ExportConflict[] {
  if (found.cluster === oldest.cluster) return [];
  return TRAITS.flatMap(({ name, reason, shown }) => {
    const [own, older] = [shown(found.record), shown(oldest.record)];
    if (own === undefined || older === undefined || own === older) return [];
    const message = `${name} is ${bounded(own)}, in the older export of ${oldest.cluster} ${bounded(older)}`;
    const service = serviceKey(oldest.record.service);
    return [{ service, cluster: found.cluster, winner: oldest.cluster, reason, message }];
  });
}

/** A headless service has none: nobody stands between a client and the addresses. */
function affinity({ type, sessionAffinity }: ServiceRecord): string | undefined {
  if (type === 'Headless') return undefined;
  return sessionAffinity === undefined ? 'None' : 'ClientIP';
}

function pairs(given: Readonly<Record<string, string>> = {}): string {
  const found = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  return `{${found.sort().join(', ')}}`;
}

/** Of text that a peer may make long. */
export function bounded(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
