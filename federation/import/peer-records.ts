import type { PeerRule } from '../../clusters/provider.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import { serviceKey } from '../model/service.ts';

/** A record that a peer publishes and that is ignored here. */
export interface RefusedRecord {
  readonly cluster: ClusterName;
  readonly service: ServiceKey;
  readonly reason: string;
}

export interface PeerRecords {
  readonly accepted: ReadonlyMap<ServiceKey, ServiceRecord>;
  readonly refused: readonly RefusedRecord[];
}

export const NO_RECORDS: PeerRecords = { accepted: new Map(), refused: [] };

/**
 * What counts of what a peer publishes: only namespaces that its rule allows (all without a rule), and only
 * records that speak of the service under whose key they stand.
 */
export function acceptRecords(
  cluster: ClusterName,
  records: ReadonlyMap<ServiceKey, ServiceRecord>,
  rule: PeerRule | undefined,
): PeerRecords {
  const allowed = rule?.allowedNamespaces === undefined ? undefined : new Set(rule.allowedNamespaces);
  const accepted = new Map<ServiceKey, ServiceRecord>();
  const refused: RefusedRecord[] = [];
  for (const [service, record] of records) {
    const { namespace } = record.service;
    if (serviceKey(record.service) !== service) {
      refused.push({ cluster, service, reason: 'the record is of another service' });
    } else if (allowed !== undefined && !allowed.has(namespace)) {
      refused.push({ cluster, service, reason: `the peer may not offer in namespace ${namespace} here` });
    } else {
      accepted.set(service, record);
    }
  }
  return { accepted, refused };
}

/** The keys whose record differs between two sets; a record that did not change is the same object. */
export function changedKeys(
  before: ReadonlyMap<ServiceKey, ServiceRecord>,
  after: ReadonlyMap<ServiceKey, ServiceRecord>,
): readonly ServiceKey[] {
  const changed: ServiceKey[] = [];
  for (const [key, record] of after) if (before.get(key) !== record) changed.push(key);
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed;
}
