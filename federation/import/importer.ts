import type { PeerRule } from '../../clusters/provider.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { ServiceExport } from './merge.ts';
import {
  acceptRecords,
  changedKeys,
  NO_RECORDS,
  type PeerRecords,
  type RefusedRecord,
} from './peer-records.ts';

/** What peers export, as far as it counts here. */
export class Importer {
  readonly #peers = new Map<ClusterName, PeerRecords>();

  /** Takes a peer's records as they are now. @returns the services of which something changed */
  refresh(
    cluster: ClusterName,
    records: ReadonlyMap<ServiceKey, ServiceRecord>,
    rule: PeerRule | undefined,
  ): readonly ServiceKey[] {
    const before = this.#peers.get(cluster) ?? NO_RECORDS;
    const after = acceptRecords(cluster, records, rule);
    this.#peers.set(cluster, after);
    return changedKeys(before.accepted, after.accepted);
  }

  exportsOf(key: ServiceKey): ServiceExport[] {
    const found: ServiceExport[] = [];
    for (const [cluster, { accepted }] of this.#peers) {
      const record = accepted.get(key);
      if (record !== undefined) found.push({ cluster, record });
    }
    return found;
  }

  /** What is ignored, and why. */
  get refused(): readonly RefusedRecord[] {
    return [...this.#peers.values()].flatMap((peer) => peer.refused);
  }
}
