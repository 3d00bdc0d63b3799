import { readFile } from 'node:fs/promises';
import { isDnsLabel } from '../../federation/model/cluster.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { loadTrustFolder } from '../../trust/folder.ts';
import { printToken } from '../join/token.ts';
import { type ClusterFile, localClusterOf, readClusterFile } from './cluster-file.ts';
import { type FolderLayout, folderLayout } from './layout.ts';
import { folderRecords, type MembershipRecords } from './records.ts';
import {
  type CreateStoreUser,
  newStoreUser,
  type StoreAdmin,
  type StoreUser,
  type UserPersistence,
} from './store-access.ts';

export interface InviteOptions {
  /** The trust home's folder. */
  readonly dir: string;
  /** The name of the cluster that may join. */
  readonly cluster: string;
  readonly ttlMs: number;
  /** Whether a cluster that is a member already may be let in anew; its store password changes. */
  readonly force: boolean;
  readonly createStoreUser: CreateStoreUser;
  readonly nowMs: number;
  /** By default in the folder. */
  readonly records?: MembershipRecords | undefined;
  /** Where this cluster's gateways are now; by default where they were when the folder was made. */
  readonly gateways?: readonly string[] | undefined;
}

export interface InviteResult {
  /** A secret; shown once. */
  readonly token: string;
  readonly cluster: string;
  readonly expiresAtMs: number;
  readonly storeUser: UserPersistence | undefined;
}

/** Makes a token that lets one cluster join, once, in time. @throws UserError when this cluster cannot invite. */
export async function inviteCluster(options: InviteOptions): Promise<InviteResult> {
  const layout = folderLayout(options.dir);
  const file = await readClusterFile(layout);
  checkName(options.cluster, file);
  const own = localClusterOf(file);
  const trust = await loadTrustFolder(layout.trust, { nowMs: options.nowMs, trustDomain: own.trustDomain });
  if (trust.root === undefined) {
    throw new UserError(`${own.name} does not hold the clusterset's root, so it cannot invite`, {
      hint: 'run isthmus cluster invite at the trust home, the cluster where the clusterset was founded',
    });
  }
  const records = options.records ?? folderRecords(layout);
  await checkNoMember(records, options);
  const { user, persistence } = await storeUser(layout, file, options);
  const expiresAtMs = options.nowMs + options.ttlMs;
  const invite = await records.invites.create(options.cluster, expiresAtMs, options.nowMs);
  const token = printToken({
    clusterset: own.clusterset,
    cluster: options.cluster,
    invitedBy: own.name,
    gateways: [...(options.gateways ?? file.gateways)],
    rootPem: trust.root.certificatePem,
    inviteId: invite.id,
    secret: invite.secret,
    store: file.store,
    ...(user === undefined ? {} : { storeUser: user }),
    expiresAtMs,
  });
  return { token, cluster: options.cluster, expiresAtMs, storeUser: persistence };
}

function checkName(cluster: string, own: ClusterFile): void {
  if (isDnsLabel(cluster) && cluster !== own.cluster) return;
  const reason = cluster === own.cluster ? 'is the inviting cluster itself' : 'is not a DNS label';
  throw new UserError(`cluster name ${JSON.stringify(cluster)} ${reason}`, {
    hint: 'name the cluster that is to join',
    exitCode: 2,
  });
}

async function checkNoMember({ peers }: MembershipRecords, { cluster, force }: InviteOptions): Promise<void> {
  if (!(await peers.has(cluster)) || force) return;
  throw new UserError(`${cluster} is a member already`, {
    hint: "to let it in anew give --force: the member's store password changes, and it must join again",
  });
}

async function storeUser(
  layout: FolderLayout,
  file: ClusterFile,
  options: InviteOptions,
): Promise<{ user: StoreUser | undefined; persistence: UserPersistence | undefined }> {
  if (file.store.kind !== 'redis' || file.storeAdmin === undefined) {
    return { user: undefined, persistence: undefined };
  }
  const password = (await readFile(layout.storeAdminPasswordFile, 'utf8')).trim();
  const admin: StoreAdmin = { username: file.storeAdmin, password };
  const user = newStoreUser(options.cluster, admin);
  const { cluster } = options;
  const request = { location: file.store, admin, clusterset: file.clusterset, cluster, user };
  return { user, persistence: await options.createStoreUser(request) };
}
