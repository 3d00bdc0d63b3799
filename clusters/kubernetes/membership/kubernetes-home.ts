import { z } from 'zod';
import { hostPort } from '../../../federation/model/endpoint.ts';
import { UserError } from '../../../federation/model/user-error.ts';
import { nameSome } from '../../commands/name-some.ts';
import type { FolderHome } from '../../folder/folder-home.ts';
import { type FolderLayout, folderLayout } from '../../folder/layout.ts';
import { storeUsername } from '../../folder/store-access.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { ClusterSight } from './cluster-sight.ts';
import { ClustersetMap } from './clusterset-map.ts';
import { FolderKeeper } from './folder-keeper.ts';
import { InvitesSecret } from './invites-secret.ts';
import { ROOT_KEY, readKeptFiles, secretData } from './kept-files.ts';
import { kubernetesRecords } from './kubernetes-records.ts';
import type { MembershipSettings } from './membership-settings.ts';
import { CLUSTER_PEERS, MANAGED_BY, SECRETS } from './resource-types.ts';
import { StoreUsersSecret } from './store-users-secret.ts';

const asideSecret = z.object({ data: z.record(z.string(), z.string()).nullish() });

export interface KubernetesHomeOptions {
  readonly client: KubeClient;
  readonly cluster: string;
  readonly settings: MembershipSettings;
}

/** The home of a folder whose truth is in Kubernetes, for `isthmus cluster …`. */
export function kubernetesHome({ client, cluster, settings }: KubernetesHomeOptions): FolderHome {
  const namespace = settings.namespace ?? client.namespace;
  const layout = folderLayout(settings.folder);
  const keeper = new FolderKeeper({ client, namespace, name: settings.membershipSecret, cluster, layout });
  const invites = new InvitesSecret({ client, namespace, name: settings.invitesSecret });
  const sight = new ClusterSight({ ...settings, client, cluster, namespace });
  const map = new ClustersetMap({ client, namespace, name: settings.clustersetConfigMap });
  const { storeUsersSecret: name } = settings;
  const users = name === undefined ? undefined : new StoreUsersSecret({ client, namespace, name });
  return {
    cluster,
    ...(users === undefined
      ? {}
      : {
          keepStoreUser: (username, line) => told(() => users.keep(username, line)),
          forgetStoreUser: (username) =>
            told(async () => {
              await users.forget(username);
            }),
        }),
    records: kubernetesRecords(client, invites),
    advertised: () => told(async () => addressTexts(await sight.addresses())),
    locality: () => told(() => sight.locality()),
    pull: () =>
      told(async () => {
        await keeper.pull();
      }),
    push: () => told(() => keeper.push()),
    remove: () =>
      told(async () => {
        await keeper.pull();
        const remaining = await saveRoot(client, namespace, `${settings.membershipSecret}-left`, layout);
        await removePeers(client);
        await removeSecret(client, { namespace, name: settings.invitesSecret });
        const others = (await users?.forget(storeUsername(cluster))) ?? [];
        await map.remove();
        // Last: with it the membership ends, and the federation service with that.
        await keeper.remove();
        return [...remaining, ...storeSteps(others, `${namespace}/${name}`)];
      }),
  };
}

function addressTexts(found: Awaited<ReturnType<ClusterSight['addresses']>>): readonly string[] {
  if (found.kind === 'found') return found.addresses.map(({ host, port }) => hostPort(host, port));
  throw new UserError(`peers cannot reach this cluster's gateways: ${found.reason}`, { hint: found.hint });
}

/** A root that is lost cannot be made again: at the trust home the membership is put aside, not thrown away. */
async function saveRoot(
  client: KubeClient,
  namespace: string,
  name: string,
  layout: FolderLayout,
): Promise<readonly string[]> {
  const content = await readKeptFiles(layout);
  if (!content.has(ROOT_KEY)) return [];
  const data = secretData(content);
  const metadata = { name, namespace, labels: MANAGED_BY };
  try {
    await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data });
  } catch (failure) {
    if (!KubeError.isConflict(failure)) throw failure;
    if (await holdsRoot(client, { namespace, name }, data)) return keepCopy(namespace, name);
    throw new UserError(`Secret ${namespace}/${name} holds the root of a clusterset that was left before`, {
      hint: 'keep a copy of it elsewhere, delete it, and run this again',
      cause: failure,
    });
  }
  return keepCopy(namespace, name);
}

function keepCopy(namespace: string, name: string): readonly string[] {
  return [`keep a copy of Secret ${namespace}/${name}, which holds the root's key, and then delete it`];
}

/** Whether it is the same root: then a leave that was interrupted had put it aside already. */
async function holdsRoot(
  client: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
  data: Readonly<Record<string, string>>,
): Promise<boolean> {
  const { data: kept } = asideSecret.parse(await client.get(SECRETS, ref));
  return kept?.[ROOT_KEY] !== undefined && kept[ROOT_KEY] === data[ROOT_KEY];
}

/** A store that others use outlives the membership of the cluster that it runs in. */
function storeSteps(users: readonly string[], secret: string): readonly string[] {
  if (users.length === 0) return [];
  return [
    `the store here has users of other clusters (${nameSome(users)}): let the release run until they have left, or use ` +
      `another store; until then Secret ${secret} keeps them for when the store restarts`,
  ];
}

/** Those that joining made; what somebody allowed them here goes with them. */
async function removePeers(client: KubeClient): Promise<void> {
  const labelSelector = Object.entries(MANAGED_BY)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  try {
    for await (const { items } of client.list(CLUSTER_PEERS, { labelSelector })) {
      for (const name of items.map(nameOf)) {
        if (name !== undefined) await client.delete(CLUSTER_PEERS, { name });
      }
    }
  } catch (failure) {
    if (!KubeError.isNotFound(failure)) throw failure;
  }
}

function nameOf(object: unknown): string | undefined {
  const { metadata } = object as { readonly metadata?: { readonly name?: unknown } };
  return typeof metadata?.name === 'string' ? metadata.name : undefined;
}

async function removeSecret(
  client: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
): Promise<void> {
  try {
    await client.delete(SECRETS, ref);
  } catch (failure) {
    if (!KubeError.isNotFound(failure)) throw failure;
  }
}

/** What the API server refused, for a person. */
async function told<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    const forbidden = failure.status === 403;
    throw new UserError(`the Kubernetes API: ${failure.message}`, {
      hint: forbidden
        ? "the federation service's account lacks a right: is the chart's RBAC as it should be?"
        : 'is the API server reachable from here?',
      cause: failure,
    });
  }
}
