import { z } from 'zod';
import { UserError } from '../../../federation/model/user-error.ts';
import { type ClusterFile, parseClusterFile } from '../../folder/cluster-file.ts';
import type { FolderLayout } from '../../folder/layout.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { type KeptContent, readKeptFiles, sameContent, secretData, writeKeptFiles } from './kept-files.ts';
import { MANAGED_BY, SECRETS } from './resource-types.ts';

/** What the API server takes of one Secret (`MaxSecretSize`), bytes. */
const MAX_BYTES = 1024 * 1024;

const secretSchema = z.object({
  metadata: z.object({ uid: z.string(), resourceVersion: z.string() }),
  data: z.record(z.string(), z.base64()).nullish(),
});

export interface FolderKeeperOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update' | 'delete'>;
  readonly namespace: string;
  /** The Secret. */
  readonly name: string;
  /** What the release calls its cluster: a membership of another name is refused. */
  readonly cluster: string;
  readonly layout: FolderLayout;
}

interface Known {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly content: KeptContent;
}

/**
 * Keeps a cluster's membership in a Secret of its own cluster: the folder on disk is a working copy. Whoever changes the
 * folder pushes it, and only over the very version that it began from.
 */
export class FolderKeeper {
  readonly #options: FolderKeeperOptions;
  #known: Known | undefined;

  constructor(options: FolderKeeperOptions) {
    this.#options = options;
  }

  /** Reads the Secret and makes the folder be as it is. @throws KubeError */
  async pull(): Promise<'member' | 'none'> {
    const { client, namespace, name } = this.#options;
    try {
      return await this.take(await client.get(SECRETS, { namespace, name }));
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return this.take(undefined);
      throw failure;
    }
  }

  /**
   * The same with a Secret that was read already; undefined = there is none.
   * @throws UserError when it is no membership, or one of another cluster's name: then the folder stays as it was
   */
  async take(object: unknown): Promise<'member' | 'none'> {
    const { layout, name, cluster } = this.#options;
    if (object === undefined) {
      this.#known = undefined;
      await writeKeptFiles(layout, new Map());
      return 'none';
    }
    const found = secretSchema.safeParse(object);
    if (!found.success || found.data.data?.['cluster.yaml'] === undefined) {
      throw new UserError(`Secret ${name}: does not hold a membership`, {
        hint: 'restore it from a backup, or delete it and join again',
      });
    }
    const known = knownOf(found.data);
    checkName(
      parseClusterFile(known.content.get('cluster.yaml') ?? '', `Secret ${name}, cluster.yaml`),
      cluster,
    );
    this.#known = known;
    await writeKeptFiles(layout, this.#known.content);
    return 'member';
  }

  /**
   * Makes the Secret be as the folder is; nothing when it is already.
   * @throws UserError when somebody else changed it since it was read: then `pull` and decide anew. KubeError
   */
  async push(): Promise<void> {
    const content = await readKeptFiles(this.#options.layout);
    if (this.#known !== undefined && sameContent(content, this.#known.content)) return;
    checkSize(content);
    try {
      this.#known = knownOf(secretSchema.parse(await this.#write(content)));
    } catch (failure) {
      if (KubeError.isConflict(failure) || KubeError.isNotFound(failure)) throw this.#overtaken(failure);
      throw failure;
    }
  }

  /** Ends the membership: the Secret that was read last goes, and the folder with it. @throws as `push` */
  async remove(): Promise<void> {
    const { client, namespace, name } = this.#options;
    if (this.#known !== undefined) {
      const { uid, resourceVersion } = this.#known;
      try {
        await client.delete(SECRETS, { namespace, name }, { uid, resourceVersion });
      } catch (failure) {
        if (KubeError.isConflict(failure)) throw this.#overtaken(failure);
        if (!KubeError.isNotFound(failure)) throw failure;
      }
    }
    await this.take(undefined);
  }

  #write(content: KeptContent): Promise<unknown> {
    const { client, namespace, name } = this.#options;
    const data = secretData(content);
    const object = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data };
    const metadata = { name, namespace, labels: MANAGED_BY };
    if (this.#known === undefined) return client.create(SECRETS, { ...object, metadata });
    const { uid, resourceVersion } = this.#known;
    return client.update(SECRETS, { ...object, metadata: { ...metadata, uid, resourceVersion } });
  }

  #overtaken(cause: unknown): UserError {
    const { namespace, name } = this.#options;
    const what = this.#known === undefined ? 'was made' : 'was changed';
    return new UserError(`Secret ${namespace}/${name} ${what} by somebody else meanwhile`, {
      hint: 'isthmus cluster status shows what this cluster is a member of now',
      cause,
    });
  }
}

/** A cluster's name is in its certificates and in what others know of it. @throws UserError */
export function checkName({ cluster: member }: ClusterFile, cluster: string): void {
  if (member === cluster) return;
  throw new UserError(`the membership is of cluster ${member}, and this release is of ${cluster}`, {
    hint:
      `a member cannot be renamed: set cluster.name=${member} again; for another name let it be run as ${member}, ` +
      'isthmus cluster leave, and register it under the new one',
  });
}

function knownOf({ metadata, data }: z.infer<typeof secretSchema>): Known {
  const content = new Map<string, string>();
  for (const [key, value] of Object.entries(data ?? {})) {
    content.set(key, Buffer.from(value, 'base64').toString('utf8'));
  }
  return { uid: metadata.uid, resourceVersion: metadata.resourceVersion, content };
}

function checkSize(content: KeptContent): void {
  let bytes = 0;
  for (const text of content.values()) bytes += Buffer.byteLength(text);
  if (bytes <= MAX_BYTES) return;
  throw new UserError(`the cluster's folder has ${bytes} bytes, and a Secret takes ${MAX_BYTES}`, {
    hint: 'is something in trust/ that does not belong there?',
  });
}
