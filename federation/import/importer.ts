import type { PeerRule } from '../../clusters/provider.ts';
import type { ClusterName, PeerReach } from '../model/cluster.ts';
import { type ServiceKey, type ServiceRecord, serviceKey } from '../model/service.ts';
import type { ServiceExport } from './export-conflict.ts';

/** What is imported from: a peer as the store's follower sees it. */
export interface ImportedPeer {
  readonly cluster: ClusterName;
  readonly reach: PeerReach;
  readonly records: ReadonlyMap<ServiceKey, ServiceRecord>;
}

export interface ImporterSources {
  readonly peers: ReadonlyMap<ClusterName, ImportedPeer>;
  readonly rules: ReadonlyMap<ClusterName, PeerRule>;
  /** Why nothing of the peer is trusted; undefined = that is not so. */
  readonly distrustOf?: (cluster: ClusterName) => string | undefined;
}

/** A record that a peer publishes and that is ignored here. */
export interface RefusedRecord {
  readonly cluster: ClusterName;
  readonly service: ServiceKey;
  readonly reason: string;
}

/**
 * What peers export, as far as it counts here: only namespaces that their rule allows (all without a rule), only
 * records that speak of the service under whose key they stand, and nothing of a peer that has left.
 */
export class Importer {
  readonly #sources: ImporterSources;

  constructor(sources: ImporterSources) {
    this.#sources = sources;
  }

  exportsOf(key: ServiceKey): ServiceExport[] {
    const found: ServiceExport[] = [];
    for (const peer of this.#sources.peers.values()) {
      const record = peer.records.get(key);
      if (record !== undefined && this.#refusal(peer, key, record) === undefined) {
        found.push({ cluster: peer.cluster, record });
      }
    }
    return found;
  }

  /** Why the peer's record of a service is ignored; undefined when it is not, or when there is none. */
  refusalOf(cluster: ClusterName, key: ServiceKey): RefusedRecord | undefined {
    const peer = this.#sources.peers.get(cluster);
    const record = peer?.records.get(key);
    const reason = peer && record && this.#refusal(peer, key, record);
    return reason === undefined ? undefined : { cluster, service: key, reason };
  }

  /** The first of what is ignored, of peers that are bound by a rule: only their records need a look. */
  refusals(max: number): readonly RefusedRecord[] {
    const found: RefusedRecord[] = [];
    for (const { cluster, records } of this.#sources.peers.values()) {
      const bound = this.#sources.rules.get(cluster)?.allowedNamespaces !== undefined;
      if (!bound && this.#sources.distrustOf?.(cluster) === undefined) continue;
      for (const key of records.keys()) {
        const refusal = this.refusalOf(cluster, key);
        if (refusal !== undefined && found.push(refusal) >= max) return found;
      }
    }
    return found;
  }

  #refusal(peer: ImportedPeer, key: ServiceKey, record: ServiceRecord): string | undefined {
    if (peer.reach === 'left') return 'the peer has left the clusterset';
    if (serviceKey(record.service) !== key) return 'the record is of another service';
    const distrust = this.#sources.distrustOf?.(peer.cluster);
    if (distrust !== undefined) return distrust;
    const allowed = this.#sources.rules.get(peer.cluster)?.allowedNamespaces;
    const { namespace } = record.service;
    if (allowed === undefined || allowed.includes(namespace)) return undefined;
    return `the peer may not offer in namespace ${namespace} here`;
  }
}
