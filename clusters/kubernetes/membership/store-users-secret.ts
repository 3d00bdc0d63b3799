import { z } from 'zod';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { MANAGED_BY, SECRETS } from './resource-types.ts';

const MAX_TRIES = 20;

const secret = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

export interface StoreUsersSecretOptions {
  readonly client: Pick<KubeClient, 'get' | 'apply' | 'update' | 'delete'>;
  readonly namespace: string;
  readonly name: string;
}

/** The users of a store that forgets them when it restarts, each as a line of an ACL file under its name. */
export class StoreUsersSecret {
  readonly #options: StoreUsersSecretOptions;

  constructor(options: StoreUsersSecretOptions) {
    this.#options = options;
  }

  /** Each user is a key of its own, so of two invitations at once neither loses the other's. @throws KubeError */
  async keep(username: string, line: string): Promise<void> {
    const { client, namespace, name } = this.#options;
    await client.apply(
      SECRETS,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata: { name, namespace, labels: MANAGED_BY },
        data: { [username]: Buffer.from(line).toString('base64') },
      },
      { fieldManager: username },
    );
  }

  /** Without one that has gone; the Secret goes with the last. @returns the others @throws KubeError */
  async forget(username: string): Promise<readonly string[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#forget(username);
      } catch (failure) {
        if (KubeError.isNotFound(failure)) return [];
        // Somebody was invited meanwhile.
        if (!KubeError.isConflict(failure) || tries >= MAX_TRIES) throw failure;
      }
    }
  }

  async #forget(username: string): Promise<readonly string[]> {
    const { client, namespace, name } = this.#options;
    const found = secret.parse(await client.get(SECRETS, { namespace, name }));
    const { [username]: own, ...data } = found.data ?? {};
    const others = Object.keys(data);
    const { resourceVersion } = found.metadata;
    if (others.length === 0) await client.delete(SECRETS, { namespace, name }, { resourceVersion });
    else if (own !== undefined) {
      const metadata = { ...found.metadata, name, namespace };
      await client.update(SECRETS, { ...found, apiVersion: 'v1', kind: 'Secret', metadata, data });
    }
    return others;
  }
}
