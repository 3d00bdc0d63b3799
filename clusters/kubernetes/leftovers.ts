import { z } from 'zod';
import type { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { type ResourceType, resourceType } from './resource-type.ts';

/** What Isthmus makes by itself has this label, wherever it is. */
const LABEL_SELECTOR = 'app.kubernetes.io/managed-by=isthmus';
/** Key of the membership's Secret; whoever loses it loses the clusterset. */
const ROOT_KEY = 'trust_root.key';

const SECRETS = resourceType('', 'v1', 'secrets');

/** In namespaces of the cluster's users; imports first, for what is derived follows from them. */
const EVERYWHERE: readonly ResourceType[] = [
  resourceType('multicluster.x-k8s.io', 'v1beta1', 'serviceimports'),
  resourceType('discovery.k8s.io', 'v1', 'endpointslices'),
  resourceType('', 'v1', 'services'),
];

/** In the release's own namespace. */
const AT_HOME: readonly ResourceType[] = [
  SECRETS,
  resourceType('', 'v1', 'configmaps'),
  resourceType('coordination.k8s.io', 'v1', 'leases'),
];

export interface LeftoversOptions {
  readonly client: Pick<KubeClient, 'list' | 'delete'>;
  /** Of the release. */
  readonly namespace: string;
  /** Whether a Secret goes that holds the clusterset's root. */
  readonly withRoot: boolean;
  /** Whether a Secret stays that keeps store users: other clusters need them as long as the release runs. */
  readonly keepStoreUsers?: boolean;
}

export interface LeftoversReport {
  /** Objects that are gone, by their plural. */
  readonly removed: Readonly<Record<string, number>>;
  /** Names of Secrets that stay, because they hold the root. */
  readonly kept: readonly string[];
}

const labelled = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

/**
 * Takes away what Isthmus made in the cluster and what no release owns: imports with what is derived from them, and the
 * membership. For the time after a release, when its programs no longer make it anew.
 * @throws KubeError; what is gone by then is gone
 */
export async function removeLeftovers(options: LeftoversOptions): Promise<LeftoversReport> {
  const removed: Record<string, number> = {};
  const kept: string[] = [];
  const sweep = async (kind: ResourceType, namespace: string | undefined): Promise<void> => {
    for (const object of await found(options.client, kind, namespace)) {
      const { name, namespace: place } = object.metadata;
      if (options.keepStoreUsers === true && kind === SECRETS && holdsStoreUsers(object)) continue;
      if (kind === SECRETS && !options.withRoot && object.data?.[ROOT_KEY] !== undefined) kept.push(name);
      else if (await remove(options.client, kind, { name, namespace: place })) {
        removed[kind.plural] = (removed[kind.plural] ?? 0) + 1;
      }
    }
  };
  for (const kind of EVERYWHERE) await sweep(kind, undefined);
  for (const kind of AT_HOME) await sweep(kind, options.namespace);
  return { removed, kept };
}

/** Each key of it is a user's name, with that user's line of an ACL file. */
function holdsStoreUsers({ data }: z.infer<typeof labelled>): boolean {
  const users = Object.entries(data ?? {});
  const isUser = ([name, line]: readonly [string, string]): boolean =>
    Buffer.from(line, 'base64').toString().startsWith(`user ${name} `);
  return users.length > 0 && users.every(isUser);
}

/** How many objects that are made of imports there are, by their plural. @throws KubeError */
export async function countImports(
  client: Pick<LeftoversOptions['client'], 'list'>,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const kind of EVERYWHERE) counts[kind.plural] = (await found(client, kind, undefined)).length;
  return counts;
}

async function found(
  client: Pick<LeftoversOptions['client'], 'list'>,
  kind: ResourceType,
  namespace: string | undefined,
): Promise<readonly z.infer<typeof labelled>[]> {
  const objects: z.infer<typeof labelled>[] = [];
  // Only of a Secret is more than the name looked at.
  const selection = { namespace, labelSelector: LABEL_SELECTOR, metadataOnly: kind !== SECRETS };
  try {
    for await (const { items } of client.list(kind, selection))
      objects.push(...z.array(labelled).parse(items));
  } catch (failure) {
    // The kind itself is gone, and its objects with it.
    if (!KubeError.isNotFound(failure)) throw failure;
  }
  return objects;
}

/** Whether it was there. */
async function remove(
  client: LeftoversOptions['client'],
  kind: ResourceType,
  ref: { readonly name: string; readonly namespace: string },
): Promise<boolean> {
  try {
    await client.delete(kind, ref);
    return true;
  } catch (failure) {
    if (!KubeError.isNotFound(failure)) throw failure;
    return false;
  }
}
