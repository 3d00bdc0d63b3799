import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { checkYaml, readYamlDocuments } from '../federation/config/yaml-document.ts';
import type { ClusterName } from '../federation/model/cluster.ts';
import type { TrustDomain } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { readIfThere, writeDurably } from '../federation/runtime/durable-file.ts';
import type { FolderLayout } from './folder/layout.ts';
import { type ClusterPeerObject, clusterPeerSchema } from './schema/cluster-peer-schema.ts';
import { duration } from './schema/duration.ts';

export interface PeerFact {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  readonly gateways: readonly string[];
}

type PeerLayout = Pick<FolderLayout, 'peers'>;

/**
 * Records another member as a ClusterPeer beside the cluster's other objects. What somebody allowed it there before
 * (`allowedNamespaces`), and a drain, stays. @throws UserError as `readPeerFile`.
 */
export async function writePeerFile(layout: PeerLayout, peer: PeerFact): Promise<void> {
  const before = await readPeerFile(layout, peer.cluster);
  const drain = before?.spec.drain;
  const kept = { ...before?.spec, ...(drain && { drain: asWritten(drain) }) };
  const object = {
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'ClusterPeer',
    metadata: { ...before?.metadata, name: peer.cluster },
    spec: { ...kept, trustDomain: peer.trustDomain, gateways: peer.gateways },
  };
  await writeDurably(peerPath(layout, peer.cluster), stringify(object), 0o644);
}

/**
 * What is recorded of a member; undefined when it never joined.
 * @throws UserError when its file cannot be read as one ClusterPeer: to replace it could allow what it forbids.
 */
export async function readPeerFile(
  layout: PeerLayout,
  cluster: ClusterName,
): Promise<ClusterPeerObject | undefined> {
  const path = peerPath(layout, cluster);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const [document, second] = readYamlDocuments(text);
  if (document === undefined) return undefined;
  const checked = checkYaml(document, clusterPeerSchema);
  if (checked.kind === 'valid' && second === undefined) return checked.value;
  const [problem] = checked.kind === 'invalid' ? checked.problems : [];
  throw new UserError(`${path}:${problem?.line ?? 1}: ${problem?.message ?? 'holds more than one object'}`, {
    hint: `mend it or move it away: what it allows ${cluster} is kept when ${cluster} joins`,
  });
}

/** One that is not there is no error. */
export async function removePeerFile(layout: PeerLayout, cluster: ClusterName): Promise<void> {
  await rm(peerPath(layout, cluster), { force: true });
}

/** Durations are numbers once they are read. */
function asWritten(drain: NonNullable<ClusterPeerObject['spec']['drain']>): object {
  return { ...drain, duration: duration.encode(drain.duration) };
}

function peerPath(layout: PeerLayout, cluster: ClusterName): string {
  return join(layout.peers, `${cluster}.yaml`);
}
