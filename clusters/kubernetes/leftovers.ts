import { z } from 'zod';
import type { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { SERVICE_IMPORTS } from './mcs/mcs-objects.ts';
import { type ResourceType, resourceType } from './resource-type.ts';

/** What Isthmus makes by itself has this label, wherever it is. */
const LABEL_SELECTOR = 'app.kubernetes.io/managed-by=isthmus';
/** Key of the membership's Secret; whoever loses it loses the clusterset. */
const ROOT_KEY = 'trust_root.key';
/** Deletions under way: ten thousand objects one after the other take minutes. */
const AT_ONCE = 16;
/** So many failures without a success between them are no longer of single objects. */
const MAX_FAILURES_IN_A_ROW = 3 * AT_ONCE;
const MAX_TOLD = 5;

const SECRETS = resourceType('', 'v1', 'secrets');

/** A kind, by the first of its versions that is served. */
type Kind = readonly [ResourceType, ...ResourceType[]];

/** In namespaces of the cluster's users; imports first, for what is derived follows from them. */
const EVERYWHERE: readonly Kind[] = [
  SERVICE_IMPORTS,
  [resourceType('discovery.k8s.io', 'v1', 'endpointslices')],
  [resourceType('', 'v1', 'services')],
];

/** In the release's own namespace. */
const AT_HOME: readonly Kind[] = [
  [SECRETS],
  [resourceType('', 'v1', 'configmaps')],
  [resourceType('coordination.k8s.io', 'v1', 'leases')],
];

export interface LeftoversOptions {
  readonly client: Pick<KubeClient, 'list' | 'delete'>;
  /** Of the release. */
  readonly namespace: string;
  /** Whether a Secret goes that holds the clusterset's root. */
  readonly withRoot: boolean;
  /** Whether a Secret stays that keeps store users: other clusters need them as long as the release runs. */
  readonly keepStoreUsers?: boolean;
  /** Ends it between two requests, and those that are under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each page of objects what is gone by then. */
  readonly onProgress?: (removed: LeftoversReport['removed']) => void;
}

export interface LeftoversReport {
  /** Objects that are gone, by their plural. */
  readonly removed: Readonly<Record<string, number>>;
  /** Names of Secrets that stay, because they hold the root. */
  readonly kept: readonly string[];
  /** How many requests failed: what they were about may be there still. */
  readonly failures: number;
  /** Why, of the first few. */
  readonly reasons: readonly string[];
}

const labelled = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});
type Labelled = z.infer<typeof labelled>;

/**
 * Takes away what Isthmus made in the cluster and what no release owns: imports with what is derived from them, and the
 * membership. For the time after a release, when its programs no longer make it anew. It goes on after a failure, which
 * the report tells, and gives up where nothing succeeds any more; run again, it goes on from there. Holds one page of
 * objects at a time.
 * @throws the signal's reason
 */
export async function removeLeftovers(options: LeftoversOptions): Promise<LeftoversReport> {
  const sweep = new Sweep(options);
  for (const kind of EVERYWHERE) await sweep.take(kind, undefined);
  for (const kind of AT_HOME) await sweep.take(kind, options.namespace);
  return sweep.report;
}

class Sweep {
  readonly #options: LeftoversOptions;
  readonly #removed: Record<string, number> = {};
  readonly #kept = new Set<string>();
  readonly #reasons: string[] = [];
  #failures = 0;
  #failuresInARow = 0;

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  get report(): LeftoversReport {
    return {
      removed: { ...this.#removed },
      kept: [...this.#kept],
      failures: this.#failures,
      reasons: [...this.#reasons],
    };
  }

  /** All objects of a kind. */
  async take(kind: Kind, namespace: string | undefined): Promise<void> {
    for (let again = true; again && !this.#isHopeless; ) {
      const before = this.#removed[kind[0].plural] ?? 0;
      try {
        for await (const page of pages(this.#options, kind, namespace)) {
          await this.#takePage(page);
          this.#options.onProgress?.({ ...this.#removed });
          if (this.#isHopeless) return;
        }
        return;
      } catch (failure) {
        // The API server keeps the rest of a listing for minutes only; anew it is shorter by what is gone.
        again = KubeError.isGone(failure) && (this.#removed[kind[0].plural] ?? 0) > before;
        if (!again) this.#fail(failure);
      }
    }
  }

  get #isHopeless(): boolean {
    return this.#failuresInARow >= MAX_FAILURES_IN_A_ROW;
  }

  async #takePage({ type, objects }: Page): Promise<void> {
    for (let from = 0; from < objects.length && !this.#isHopeless; from += AT_ONCE) {
      this.#options.signal?.throwIfAborted();
      const some = objects.slice(from, from + AT_ONCE);
      await Promise.all(some.map((object) => this.#takeObject(type, object)));
    }
  }

  async #takeObject(type: ResourceType, object: Labelled): Promise<void> {
    const { withRoot, keepStoreUsers, client, signal } = this.#options;
    const { name, namespace } = object.metadata;
    if (type === SECRETS && keepStoreUsers === true && holdsStoreUsers(object)) return;
    if (type === SECRETS && !withRoot && object.data?.[ROOT_KEY] !== undefined) {
      this.#kept.add(name);
      return;
    }
    try {
      await client.delete(type, { name, namespace }, { signal });
      this.#removed[type.plural] = (this.#removed[type.plural] ?? 0) + 1;
    } catch (failure) {
      if (!KubeError.isNotFound(failure)) this.#fail(failure);
      else this.#failuresInARow = 0;
      return;
    }
    this.#failuresInARow = 0;
  }

  #fail(failure: unknown): void {
    if (!(failure instanceof KubeError)) throw failure;
    this.#failures += 1;
    this.#failuresInARow += 1;
    if (this.#reasons.length < MAX_TOLD) this.#reasons.push(failure.message);
  }
}

/** Each key of it is a user's name, with that user's line of an ACL file. */
function holdsStoreUsers({ data }: Labelled): boolean {
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
  for (const kind of EVERYWHERE) {
    const { plural } = kind[0];
    counts[plural] = 0;
    for await (const { objects } of pages({ client }, kind, undefined)) counts[plural] += objects.length;
  }
  return counts;
}

interface Page {
  /** In the version that is served. */
  readonly type: ResourceType;
  readonly objects: readonly Labelled[];
}

async function* pages(
  { client, signal }: Pick<LeftoversOptions, 'signal'> & { readonly client: Pick<KubeClient, 'list'> },
  kind: Kind,
  namespace: string | undefined,
): AsyncGenerator<Page, void> {
  for (const type of kind) {
    // Only of a Secret is more than the name looked at.
    const selection = { namespace, labelSelector: LABEL_SELECTOR, metadataOnly: type !== SECRETS };
    try {
      for await (const { items } of client.list(type, { ...selection, signal }))
        yield { type, objects: z.array(labelled).parse(items) };
      return;
    } catch (failure) {
      // Not served in this version; in none, the kind itself is gone, and its objects with it.
      if (!KubeError.isNotFound(failure)) throw failure;
    }
  }
}
