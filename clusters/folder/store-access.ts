import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';

/** How a clusterset's store is reached, without whose name. */
export const storeLocation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('memory'), address: z.string().min(1).max(300) }),
  z.strictObject({
    kind: z.literal('redis'),
    urls: z
      .array(
        z
          .string()
          .regex(/^rediss?:\/\//, 'is not a redis:// or rediss:// URL')
          .max(300),
      )
      .min(1)
      .max(32),
    /** PEM of the authority behind the store's certificate. */
    caPem: z.string().max(65_536).optional(),
    sentinel: z.strictObject({ name: z.string().min(1).max(100) }).optional(),
    cluster: z.boolean().optional(),
  }),
]);

export type StoreLocation = z.infer<typeof storeLocation>;

/** One cluster's own way into the store. The memory store has no users. */
export interface StoreUser {
  readonly username: string;
  readonly password: string;
}

/** What may make users in the store: the trust home's, given at `init`. */
export interface StoreAdmin {
  readonly username: string;
  readonly password: string;
}

/** How sure it is that a new user survives a restart of the store. */
export type UserPersistence = 'aclfile' | 'config' | 'memory-only';

/** Makes (or replaces) a cluster's store user; handed in, because the store is not this part's business. */
export type CreateStoreUser = (request: {
  readonly location: StoreLocation & { kind: 'redis' };
  readonly admin: StoreAdmin;
  readonly clusterset: string;
  readonly cluster: string;
  readonly user: StoreUser;
}) => Promise<UserPersistence>;

export function storeUsername(cluster: string): string {
  return `isthmus-${cluster}`;
}

/**
 * A cluster's user with a new password; making it replaces whoever has that name.
 * @throws UserError when that is the administrator
 */
export function newStoreUser(cluster: string, admin: Pick<StoreAdmin, 'username'>): StoreUser {
  const username = storeUsername(cluster);
  if (username === admin.username) {
    throw new UserError(
      `cluster name ${JSON.stringify(cluster)}: its user in the store would be ${username}, which is the store's administrator`,
      { hint: 'give the cluster another name', exitCode: 2 },
    );
  }
  return { username, password: randomBytes(24).toString('base64url') };
}
