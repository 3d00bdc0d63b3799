import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterName } from '../federation/model/cluster.ts';
import type { TrustDomain } from '../federation/model/identity.ts';
import { writeDurably } from '../federation/runtime/durable-file.ts';
import type { FolderLayout } from './folder/layout.ts';

export interface PeerFact {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  readonly gateways: readonly string[];
}

/** Records another member as a ClusterPeer beside the cluster's other objects. */
export async function writePeerFile(layout: FolderLayout, peer: PeerFact): Promise<void> {
  const object = {
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'ClusterPeer',
    metadata: { name: peer.cluster },
    spec: { trustDomain: peer.trustDomain, gateways: peer.gateways },
  };
  await writeDurably(join(layout.peers, `${peer.cluster}.yaml`), stringify(object), 0o644);
}
