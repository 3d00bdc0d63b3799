import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** One kubeconfig with a context for each cluster, its name. */
export async function joinKubeconfigs(folder: string, clusters: readonly KubeCluster[]): Promise<string> {
  const [first] = clusters;
  if (first === undefined) throw new Error('no clusters');
  const path = join(folder, 'kubeconfig');
  writeFileSync(path, await first.mergedKubeconfig(clusters), { mode: 0o600 });
  return path;
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

/** The command as its user runs it: with a kubeconfig for all clusters. */
export async function isthmus(kubeconfig: string, ...args: readonly string[]): Promise<string> {
  return await runProgram(process.execPath, [join(root, 'cli.ts'), ...args], {
    env: { KUBECONFIG: kubeconfig },
  });
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

/** What `isthmus cluster init` in the pod must be told to use the try-out store of its release. */
export async function tryoutStore(cluster: KubeCluster): Promise<readonly string[]> {
  const path = [
    'get',
    'service',
    'isthmus-redis',
    '-n',
    NAMESPACE,
    '-o',
    'jsonpath={.spec.ports[0].nodePort}',
  ];
  const store = `rediss://${cluster.nodeAddress}:${await cluster.kubectl(path)}`;
  const folder = '/etc/isthmus-store';
  const admin = ['--store-admin-user', 'isthmus-admin', '--store-admin-password-file', `${folder}/password`];
  return ['--store', store, '--store-ca', `${folder}/ca.crt`, ...admin];
}
