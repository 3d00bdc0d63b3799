import { IdentityError, parseTrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import { foundTrustFolder } from '../../trust/folder-writer.ts';
import { writeClusterFile } from './cluster-file.ts';
import { claimFolder, type FolderPlan, writeConfiguration } from './configuration.ts';
import { makeFolder } from './folder-making.ts';
import { type FolderLayout, folderLayout } from './layout.ts';
import {
  type CreateStoreUser,
  newStoreUser,
  type StoreAdmin,
  type StoreLocation,
  type StoreUser,
  type UserPersistence,
} from './store-access.ts';

/** A trust domain is at most 255 characters: with a cluster's name of 63 before it and a dot it must still be one. */
const MAX_CLUSTERSET_CHARACTERS = 190;

export interface InitOptions extends FolderPlan {
  readonly clusterset: string;
  readonly store: StoreLocation;
  /** Makes users in Redis; without one the store is used without a user of its own. */
  readonly storeAdmin: StoreAdmin | undefined;
  readonly createStoreUser: CreateStoreUser;
  readonly nowMs: number;
}

export interface InitResult {
  readonly layout: FolderLayout;
  readonly trustDomain: string;
  readonly storeUser: UserPersistence | undefined;
}

/**
 * Founds a clusterset: makes its root, its first member's intermediate and the folder that its processes run from.
 * @throws UserError when the folder is taken or the store does not take the user; then nothing is left half-made
 * that a second try would trip over.
 */
export function initCluster(options: InitOptions): Promise<InitResult> {
  const layout = folderLayout(options.dir);
  return makeFolder(layout, () => found(layout, options));
}

async function found(layout: FolderLayout, options: InitOptions): Promise<InitResult> {
  checkClusterset(options.clusterset);
  const { storeAdmin } = options;
  const storeUser = storeAdmin === undefined ? undefined : newStoreUser(options.cluster, storeAdmin);
  await claimFolder(layout, options.cluster);
  const persistence = await makeStoreUser(options, storeUser);
  const { cluster, clusterset, nowMs } = options;
  const trust = await foundTrustFolder({ folder: layout.trust, cluster, clusterset, nowMs });
  await writeConfiguration(layout, options, { clusterset, store: options.store, storeUser });
  if (options.storeAdmin !== undefined) {
    await writeDurably(layout.storeAdminPasswordFile, `${options.storeAdmin.password}\n`);
  }
  await writeClusterFile(layout, {
    cluster,
    clusterset,
    locality: options.locality,
    trustHome: true,
    gateways: [...options.advertise],
    store: options.store,
    ...(options.storeAdmin === undefined ? {} : { storeAdmin: options.storeAdmin.username }),
  });
  return { layout, trustDomain: trust.trustDomain, storeUser: persistence };
}

async function makeStoreUser(
  options: InitOptions,
  user: StoreUser | undefined,
): Promise<UserPersistence | undefined> {
  const { store: location, storeAdmin: admin, clusterset, cluster } = options;
  if (location.kind !== 'redis' || admin === undefined || user === undefined) return undefined;
  return options.createStoreUser({ location, admin, clusterset, cluster, user });
}

function checkClusterset(clusterset: string): void {
  if (clusterset.length > MAX_CLUSTERSET_CHARACTERS) {
    throw new UserError(`the clusterset's name is longer than ${MAX_CLUSTERSET_CHARACTERS} characters`, {
      hint: 'use a domain of your own such as mesh.example',
      exitCode: 2,
    });
  }
  try {
    parseTrustDomain(clusterset);
  } catch (failure) {
    if (!(failure instanceof IdentityError)) throw failure;
    throw new UserError(`clusterset ${JSON.stringify(clusterset)}: ${failure.message}`, {
      hint: 'use a domain of your own such as mesh.example',
      exitCode: 2,
    });
  }
}
