import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { ClusterName } from '../../federation/model/cluster.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';
import type { Programs } from '../commands/programs.ts';
import { readClusterFile } from '../folder/cluster-file.ts';
import { sightLayout } from '../folder/home-file.ts';
import type { FolderLayout } from '../folder/layout.ts';
import { readPeerFile } from '../peer-file.ts';
import { toPeerRule } from '../schema/cluster-peer-schema.ts';
import { type DrainSite, drainFields, type WrittenOrder } from './drain-site.ts';

/** Drains of a cluster that is a folder: in the files of its peers. @throws UserError when it is none */
export async function folderDrains(
  dir: string,
  programs: Pick<Programs, 'askFederation'>,
): Promise<DrainSite> {
  const layout = await sightLayout(dir);
  if (layout.inKubernetes) {
    throw new UserError(`${dir} is a working copy of what Kubernetes has`, {
      hint: 'run this outside the pod, with --context',
      exitCode: 2,
    });
  }
  const { cluster: own } = await readClusterFile(layout);
  return {
    sight: () => programs.askFederation(layout.federationFile),
    order: async (cluster) => {
      const peer = await readPeerFile(layout, cluster);
      return peer && toPeerRule(peer).drain;
    },
    write: (cluster, order) => writeOrder(layout, cluster, order, cluster === own),
    close: () => {},
  };
}

/** Changes nothing else of the file: it may be a person's, with comments. */
async function writeOrder(
  layout: Pick<FolderLayout, 'peers'>,
  cluster: ClusterName,
  order: WrittenOrder | undefined,
  isOwn: boolean,
): Promise<void> {
  // What cannot be read as one ClusterPeer is not changed.
  await readPeerFile(layout, cluster);
  const path = join(layout.peers, `${cluster}.yaml`);
  const document = parseDocument((await readIfThere(path)) ?? emptyPeer(cluster));
  if (order === undefined) document.deleteIn(['spec', 'drain']);
  else document.setIn(['spec', 'drain'], document.createNode(drainFields(order)));
  // Of a cluster's own ClusterPeer nothing but the drain means anything.
  const spec: unknown = document.toJS().spec ?? {};
  if (order === undefined && isOwn && Object.keys(spec as object).length === 0)
    await rm(path, { force: true });
  else await writeDurably(path, document.toString(), 0o644);
}

function emptyPeer(cluster: ClusterName): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: ClusterPeer\nmetadata:\n  name: ${cluster}\nspec: {}\n`;
}
