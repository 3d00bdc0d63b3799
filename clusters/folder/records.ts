import { InviteRegister } from '../join/invite-register.ts';
import type { Invites } from '../join/invites.ts';
import { type PeerFact, readPeerFile, removePeerFile, writePeerFile } from '../peer-file.ts';
import { writeFailure } from './folder-making.ts';
import type { FolderLayout } from './layout.ts';

/** Which clusters are members beside this one. */
export interface PeerRecords {
  /** @throws UserError when what is recorded cannot be read: to replace it could allow what it forbids. */
  has(cluster: string): Promise<boolean>;
  /** What somebody allowed it there before stays. @throws UserError as `has` */
  write(peer: PeerFact): Promise<void>;
  /** With what somebody allowed it there. One that is not there is no error. */
  remove(cluster: string): Promise<void>;
}

/** What a cluster writes down of others: in its folder, or in Kubernetes. */
export interface MembershipRecords {
  readonly invites: Invites;
  readonly peers: PeerRecords;
}

export function folderRecords(layout: FolderLayout): MembershipRecords {
  const register = new InviteRegister(layout.invites);
  return {
    invites: {
      create: async (cluster, expiresAtMs) => {
        try {
          return await register.create(cluster, expiresAtMs);
        } catch (failure) {
          throw writeFailure(layout.root, failure);
        }
      },
      check: (claim) => register.check(claim),
      redeem: (claim) => register.redeem(claim),
    },
    peers: {
      has: async (cluster) => (await readPeerFile(layout, cluster)) !== undefined,
      write: (peer) => writePeerFile(layout, peer),
      remove: (cluster) => removePeerFile(layout, cluster),
    },
  };
}
