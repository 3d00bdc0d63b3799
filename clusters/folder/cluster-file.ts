import { stringify } from 'yaml';
import { z } from 'zod';
import { parseYaml, readYamlFile } from '../../federation/config/yaml-file.ts';
import { isDnsLabel, type LocalCluster } from '../../federation/model/cluster.ts';
import { clusterTrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import type { FolderLayout } from './layout.ts';
import { storeLocation } from './store-access.ts';

const schema = z.strictObject({
  cluster: z.string().refine(isDnsLabel, 'is not a DNS label'),
  clusterset: z.string().min(1).max(255),
  locality: z.strictObject({ region: z.string().min(1), zone: z.string().min(1) }),
  /** Whether this cluster holds the clusterset's root, and so may invite others. */
  trustHome: z.boolean(),
  /** `host:port` of its gateways as peers see them. */
  gateways: z.array(z.string().min(1).max(300)).min(1).max(32),
  store: storeLocation,
  storeAdmin: z.string().min(1).optional(),
});

/** cluster.yaml: who a cluster's folder belongs to. */
export type ClusterFile = z.infer<typeof schema>;

/** @throws UserError when the folder is no cluster's. */
export async function readClusterFile(layout: FolderLayout): Promise<ClusterFile> {
  try {
    return await readYamlFile(layout.clusterFile, schema);
  } catch (failure) {
    const cause = failure instanceof UserError ? failure.cause : undefined;
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw failure;
    throw new UserError(`${layout.root} is not a cluster's folder: it has no cluster.yaml`, {
      hint: 'make one with isthmus cluster init or isthmus cluster join, or name it with --dir; a Kubernetes cluster that runs the chart is named by --context',
      cause: failure,
    });
  }
}

/** The same of a text that lies elsewhere; `name` stands for that in messages. @throws UserError */
export function parseClusterFile(text: string, name: string): ClusterFile {
  return parseYaml(text, name, schema);
}

export async function writeClusterFile(layout: FolderLayout, file: ClusterFile): Promise<void> {
  await writeDurably(layout.clusterFile, stringify(file), 0o644);
}

export function localClusterOf(file: ClusterFile): LocalCluster {
  const { cluster: name, clusterset, locality } = file;
  return { name, clusterset, trustDomain: clusterTrustDomain(name, clusterset), locality };
}
