import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { readConditions } from '../kubernetes/mcs/conditions.ts';
import { CLUSTER_PEERS } from '../kubernetes/membership/resource-types.ts';
import type { OpenRelease } from './open-release.ts';

const clusterPeer = z.object({
  metadata: z.object({ name: z.string() }),
  status: z.object({ conditions: readConditions, lastSeen: z.string().optional() }).prefault({}),
});

/** What a ClusterPeer says of another member, as the federation service wrote it last. */
export interface WrittenPeer {
  readonly cluster: string;
  readonly conditions: z.infer<typeof readConditions>;
  /** RFC 3339; undefined = never. */
  readonly lastSeen: string | undefined;
}

/** Of all ClusterPeers but the cluster's own, which says nothing of another. @throws UserError */
export async function writtenPeers({ site, release }: OpenRelease): Promise<readonly WrittenPeer[]> {
  const peers: WrittenPeer[] = [];
  try {
    for await (const { items } of site.client.list(CLUSTER_PEERS)) {
      for (const { metadata, status } of z.array(clusterPeer).parse(items)) {
        if (metadata.name !== release.cluster) peers.push({ cluster: metadata.name, ...writtenOf(status) });
      }
    }
  } catch (failure) {
    // Without the kind there are none of it.
    if (KubeError.isNotFound(failure)) return [];
    if (!(failure instanceof KubeError)) throw failure;
    throw new UserError(`context ${site.context}: ${failure.message}`, {
      hint: 'the context must be allowed to list ClusterPeers',
      cause: failure,
    });
  }
  return peers;
}

function writtenOf({ conditions, lastSeen }: z.infer<typeof clusterPeer>['status']) {
  return { conditions, lastSeen };
}
