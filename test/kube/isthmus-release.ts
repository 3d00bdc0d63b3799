import { join } from 'node:path';
import { z } from 'zod';
import type { KubeCluster } from './kube-cluster.ts';
import { runProgram } from './program.ts';

export const NAMESPACE = 'isthmus-system';

const root = join(import.meta.dirname, '../..');
const IMAGE = { repository: 'docker.io/local/isthmus', tag: 'e2e' };
const INSTALL_TIMEOUT_MS = 240_000;

/** The image of this source tree, as a docker archive for `KubeCluster.load`. */
export async function packImage(folder: string): Promise<string> {
  const archive = join(folder, 'isthmus.tar');
  const ref = `${IMAGE.repository}:${IMAGE.tag}`;
  await runProgram(join(root, 'charts/image/archive.sh'), [ref, archive], { timeoutMs: 600_000 });
  return archive;
}

/**
 * `helm install --wait`, as the chart's README says, with what is particular to these clusters: no load balancer, an image
 * that no registry has, and Debian's Redis.
 * @param options.store whether this cluster has the try-out store
 */
export async function installRelease(
  cluster: KubeCluster,
  { store }: { readonly store: boolean },
): Promise<void> {
  const values = {
    cluster: { name: cluster.name },
    image: { ...IMAGE, pullPolicy: 'Never' },
    gateway: { service: { type: 'NodePort' } },
    store: {
      tryout: {
        enabled: store,
        image: { repository: 'docker.io/local/redis', tag: 'debian', pullPolicy: 'Never' },
      },
    },
  };
  const args = ['install', 'isthmus', join(root, 'charts/isthmus'), '-n', NAMESPACE, '--create-namespace'];
  const wait = ['--wait', `--timeout=${INSTALL_TIMEOUT_MS / 1_000}s`, '-f', '-'];
  await cluster.explained(() =>
    cluster.helm([...args, ...wait], {
      input: JSON.stringify(values),
      timeoutMs: INSTALL_TIMEOUT_MS + 30_000,
    }),
  );
}

/** The command in the federation service's pod, whose folder is the cluster's membership. */
export async function isthmusIn(
  cluster: KubeCluster,
  args: readonly string[],
  options: { readonly input?: string } = {},
): Promise<string> {
  const exec = ['exec', '-i', '-n', NAMESPACE, 'deployment/isthmus-federation', '--', 'isthmus'];
  return await cluster.kubectl([...exec, ...args], options);
}

/** One founds a clusterset with the store of its release, the other joins it by a token; both know each other then. */
export async function joinByToken(founder: KubeCluster, joiner: KubeCluster): Promise<void> {
  await isthmusIn(founder, ['cluster', 'init', founder.name, '--clusterset', 'mesh.example']);
  const token = await founder.until('an invitation', () =>
    isthmusIn(founder, ['cluster', 'invite', joiner.name]),
  );
  // The founder's gateways, which the joiner asks, take a moment to become a member's.
  await joiner.until('a gateway that lets it join', () =>
    isthmusIn(joiner, ['cluster', 'join', '-', '--cluster', joiner.name], { input: token }),
  );
  await joiner.until(`${founder.name} in sync`, () => inSync(joiner, founder));
  await founder.until(`${joiner.name} in sync`, () => inSync(founder, joiner));
}

const memberList = z.object({ members: z.array(z.object({ cluster: z.string(), reach: z.string() })) });

/** True = this cluster has read what that peer offers; undefined = not (yet). */
export async function inSync(cluster: KubeCluster, peer: KubeCluster): Promise<true | undefined> {
  const list = JSON.parse(await isthmusIn(cluster, ['cluster', 'list', '--output', 'json']));
  const { members } = memberList.parse(list);
  return members.some(({ cluster, reach }) => cluster === peer.name && reach === 'synced') ? true : undefined;
}
