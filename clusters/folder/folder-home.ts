import type { Locality } from '../../federation/model/cluster.ts';
import type { MembershipRecords } from './records.ts';

/** Where a cluster's folder has its truth when the folder is only a working copy, as it is in Kubernetes. */
export interface FolderHome {
  /** The cluster that the release is of: it founds or joins a clusterset under this name only. */
  readonly cluster: string;
  readonly records: MembershipRecords;
  /** `host:port` where peers reach its gateways now. @throws UserError when they cannot be reached from outside */
  advertised(): Promise<readonly string[]>;
  /** Where its nodes are. */
  locality(): Promise<Locality>;
  /** Makes the folder be as its home is. @throws UserError */
  pull(): Promise<void>;
  /** Makes its home be as the folder is. @throws UserError when somebody else changed it since `pull` */
  push(): Promise<void>;
  /**
   * Remembers a store user for a store that forgets its users when it restarts; absent where there is none of that kind.
   * @param line of an ACL file @throws UserError
   */
  keepStoreUser?(username: string, line: string): Promise<void>;
  /** Forgets one again, of a cluster that is gone; absent as `keepStoreUser`. @throws UserError */
  forgetStoreUser?(username: string): Promise<void>;
  /** Ends the membership there, and here. @returns what remains to be done, for a person @throws UserError */
  remove(): Promise<readonly string[]>;
}

/**
 * Makes a cluster's folder and takes it home; where that fails the folder is as its home is.
 * @throws what `make` throws; UserError
 */
export async function makeAtHome<T>(home: FolderHome | undefined, make: () => Promise<T>): Promise<T> {
  if (home === undefined) return make();
  await home.pull();
  try {
    const made = await make();
    await home.push();
    return made;
  } catch (failure) {
    await home.pull();
    throw failure;
  }
}
