import { readFile } from 'node:fs/promises';
import { clusterTrustDomain, federationId } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { TrustBundle } from '../../trust/bundle.ts';
import { loadTrustFolder } from '../../trust/folder.ts';
import { standInSvid } from '../../trust/stand-in.ts';
import type { Svid } from '../../trust/svid.ts';
import { type ClusterFile, localClusterOf } from './cluster-file.ts';
import type { FolderLayout } from './layout.ts';
import type { MembershipRecords } from './records.ts';
import { type CreateStoreUser, newStoreUser, type StoreLocation, type StoreUser } from './store-access.ts';

/** What is said in the store in place of a cluster that is lost. */
export interface LastWordRequest {
  readonly clusterset: string;
  readonly cluster: string;
  readonly store: StoreLocation;
  /** undefined = the store has no users. */
  readonly user: StoreUser | undefined;
  readonly svid: Svid;
  readonly bundle: TrustBundle;
}

/** The store's part in it; handed in, because the store is not this part's business. */
export interface ForgettingStore {
  readonly createUser: CreateStoreUser;
  /** Ends the user's access, connections under way included; one that is not there is no error. */
  removeUser(
    request: Omit<Parameters<CreateStoreUser>[0], 'user'> & { readonly username: string },
  ): Promise<void>;
  sayLeft(request: LastWordRequest): Promise<void>;
}

export interface ForgetOptions {
  readonly layout: FolderLayout;
  readonly file: ClusterFile;
  /** The cluster that is lost. */
  readonly cluster: string;
  readonly nowMs: number;
  readonly store: ForgettingStore;
  readonly records: MembershipRecords;
  /** Whether the store has anything of it. */
  readonly isKnown: boolean;
}

/**
 * The trust home's word that a cluster is gone: its store user is locked out, its services are withdrawn, all members read
 * that it has left, and what is recorded of it here is removed. Each step is safe to take again.
 * @throws UserError
 */
export async function forgetCluster(options: ForgetOptions): Promise<void> {
  const { layout, file, cluster, store, nowMs, records, isKnown } = options;
  const own = localClusterOf(file);
  const trust = await loadTrustFolder(layout.trust, { nowMs, trustDomain: own.trustDomain });
  if (trust.root === undefined) {
    throw new UserError(
      `${own.name} does not hold the clusterset's root, so it cannot speak for ${cluster}`,
      {
        hint: 'run this at the trust home, the cluster where the clusterset was founded, with the root key in its place',
      },
    );
  }
  const { root, bundle } = trust;
  const { clusterset } = own;
  const id = federationId(clusterTrustDomain(cluster, clusterset));
  const say = async (user: StoreUser | undefined): Promise<void> => {
    if (!isKnown) return;
    const svid = await standInSvid(root, id, nowMs);
    await store.sayLeft({ clusterset, cluster, store: file.store, user, svid, bundle });
  };
  if (file.store.kind !== 'redis' || file.storeAdmin === undefined) await say(undefined);
  else {
    const password = (await readFile(layout.storeAdminPasswordFile, 'utf8')).trim();
    const admin = { username: file.storeAdmin, password };
    const user = newStoreUser(cluster, admin);
    const request = { location: file.store, admin, clusterset, cluster };
    // First, or one that lives after all would go on writing: a new password ends no connection.
    await store.removeUser({ ...request, username: user.username });
    if (isKnown) {
      await store.createUser({ ...request, user });
      await say(user).finally(() => store.removeUser({ ...request, username: user.username }));
    }
  }
  await records.peers.remove(cluster);
}
