import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { KubeCluster } from './kube-cluster.ts';
import { runProgram } from './program.ts';

export const NAMESPACE = 'isthmus-system';

const root = join(import.meta.dirname, '../..');
/** What `packImage` makes. */
export const IMAGE = { repository: 'docker.io/local/isthmus', tag: 'e2e' };
const INSTALL_TIMEOUT_MS = 240_000;
const COMMAND_TIMEOUT_MS = 900_000;

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
 * @param options.network as which the chart knows the pods' network; absent = only gateways are reached from elsewhere
 */
export async function installRelease(
  cluster: KubeCluster,
  { store, network }: { readonly store: boolean; readonly network?: string },
): Promise<void> {
  const values = {
    cluster: { name: cluster.name, ...(network === undefined ? {} : { network }) },
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

/** `helm upgrade --wait` with a change of the pods of both programs, so that all of them are replaced. */
export async function upgradeRelease(cluster: KubeCluster, annotation: string): Promise<void> {
  const args = [
    'upgrade',
    'isthmus',
    join(root, 'charts/isthmus'),
    '-n',
    NAMESPACE,
    '--reset-then-reuse-values',
  ];
  const changes = ['gateway', 'federation'].flatMap((program) => [
    '--set-string',
    `${program}.podAnnotations.e2e=${annotation}`,
  ]);
  const wait = ['--wait', `--timeout=${INSTALL_TIMEOUT_MS / 1_000}s`];
  await cluster.explained(() =>
    cluster.helm([...args, ...changes, ...wait], { timeoutMs: INSTALL_TIMEOUT_MS + 30_000 }),
  );
}

/** The command as its user runs it: with a kubeconfig for all clusters. */
export async function isthmus(kubeconfig: string, ...args: readonly string[]): Promise<string> {
  return await runProgram(process.execPath, [join(root, 'cli.ts'), ...args], {
    env: { KUBECONFIG: kubeconfig },
    timeoutMs: COMMAND_TIMEOUT_MS,
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

const registration = z.object({ ok: z.literal(true), joined: z.boolean() });

/**
 * The command of the chart's notes, run where the user has a kubeconfig: one cluster founds a clusterset with the store of
 * its release unless it has one, the other joins it; both know each other then. @returns whether this made it a member
 */
export async function register(
  kubeconfig: string,
  joiner: KubeCluster,
  founder: KubeCluster,
): Promise<boolean> {
  const contexts = ['--context', joiner.name, '--with-context', founder.name];
  const more = ['--clusterset', 'mesh.example', '--timeout', '4m', '--output', 'json'];
  const said = await joiner.explained(() =>
    isthmus(kubeconfig, 'cluster', 'register', joiner.name, ...contexts, ...more),
  );
  return registration.parse(JSON.parse(said)).joined;
}

const memberList = z.object({ members: z.array(z.object({ cluster: z.string(), reach: z.string() })) });

/** True = this cluster has read what that peer offers; undefined = not (yet). */
export async function inSync(cluster: KubeCluster, peer: KubeCluster): Promise<true | undefined> {
  const list = JSON.parse(await isthmusIn(cluster, ['cluster', 'list', '--output', 'json']));
  const { members } = memberList.parse(list);
  return members.some(({ cluster, reach }) => cluster === peer.name && reach === 'synced') ? true : undefined;
}
