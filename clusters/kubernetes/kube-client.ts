import { z } from 'zod';
import { type Clock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import type { Credentials } from './credentials.ts';
import { InCluster, type InClusterOptions } from './in-cluster.ts';
import { type ContextOptions, KubeContext, loadKubeConfig } from './kube-context.ts';
import { KubeError } from './kube-error.ts';
import { describe, type KubeRequest, KubeTransport } from './kube-transport.ts';
import { type ExecLimits, type ExecResult, execInPod, type PodProgram } from './pod-exec.ts';
import {
  collectionPath,
  type KubeObject,
  namespacePath,
  type ObjectRef,
  objectPath,
  type ResourceType,
} from './resource-type.ts';
import { type WatchEvent, watchEvents } from './watch-stream.ts';

/** Who we are among those that write fields of an object. */
export const FIELD_MANAGER = 'isthmus';
/** As client-go's pages. */
export const PAGE_LIMIT = 500;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_SILENCE_MS = 180_000;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For the whole call; 30 s. */
  readonly timeoutMs?: number | undefined;
}

export interface Selection {
  /** undefined = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects come as PartialObjectMetadata: of the whole object only `metadata`. */
  readonly metadataOnly?: boolean | undefined;
}

export interface ListOptions extends CallOptions, Selection {
  /** Objects a page; 500. */
  readonly limit?: number;
}

/** One page of a listing. */
export interface ListPage {
  readonly items: readonly unknown[];
  /** Of the whole listing: a watch from here misses nothing. */
  readonly resourceVersion: string;
  /** Whether it is the last page. */
  readonly complete: boolean;
}

export interface WatchOptions extends Selection {
  readonly signal?: AbortSignal | undefined;
  /** Until the answer begins; 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Only what changed after it. */
  readonly resourceVersion: string;
  /** After how many seconds the API server shall end it. */
  readonly timeoutSeconds?: number;
  /** After how long without anything it is ended; 3 min. */
  readonly silenceMs?: number | undefined;
  /** Told when the API server has taken it. */
  readonly onOpen?: (() => void) | undefined;
}

export interface ApplyOptions extends CallOptions {
  /** `isthmus`. */
  readonly fieldManager?: string;
  /** Takes fields from other managers instead of failing with 409; true. */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only this very object. */
  readonly uid?: string | undefined;
  /** Deletes only this version of it. */
  readonly resourceVersion?: string | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/** What the API server found out about a token. */
export interface TokenReview {
  readonly authenticated: boolean;
  /** Those of the asked audiences that the token is for. */
  readonly audiences: readonly string[];
  /** `system:serviceaccount:<namespace>:<name>` of a service account. */
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  /** Why it is not authenticated, where that is said. */
  readonly error: string | undefined;
}

const list = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});

const review = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).nullish(),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).nullish(),
      })
      .prefault({}),
    error: z.string().optional(),
  }),
});

/**
 * The Kubernetes API, as far as Isthmus uses it. Objects come as `unknown`: whoever asks parses them. Every failure is
 * a KubeError, the signal's reason, or a UserError of the credentials; nothing is tried again here.
 */
export class KubeClient {
  /** Our own namespace, or the context's. */
  readonly namespace: string;
  /** The API server's address, for messages. */
  readonly server: string;
  readonly #transport: KubeTransport;
  readonly #clock: Clock;

  constructor(credentials: Credentials, clock: Clock = SYSTEM_CLOCK) {
    this.namespace = credentials.namespace;
    this.server = credentials.server.origin;
    this.#transport = new KubeTransport(credentials, clock);
    this.#clock = clock;
  }

  /** With the pod's own service account. @throws UserError when this is no pod. */
  static async inCluster(options?: InClusterOptions): Promise<KubeClient> {
    return new KubeClient(await InCluster.open(options));
  }

  /** With a context of a kubeconfig. @throws UserError when there is none. */
  static async ofContext(options: ContextOptions = {}): Promise<KubeClient> {
    return new KubeClient(new KubeContext(await loadKubeConfig(options)));
  }

  /**
   * All objects, page by page; a page is asked for when the one before was taken. 410 in the middle means that the
   * rest is no longer kept, and that what came so far is worth nothing.
   */
  async *list(type: ResourceType, options: ListOptions = {}): AsyncGenerator<ListPage, void> {
    const path = collectionPath(type, options.namespace);
    const limit = String(options.limit ?? PAGE_LIMIT);
    let token: string | undefined;
    do {
      const query = { ...selectors(options), limit, continue: token };
      const answer = await this.#read(
        { method: 'GET', path, query, accept: asked(options, 'List') },
        options,
      );
      const page = parse(list, answer, `GET ${path}`);
      token = page.metadata.continue || undefined;
      const { resourceVersion } = page.metadata;
      yield { items: page.items ?? [], resourceVersion, complete: token === undefined };
    } while (token !== undefined);
  }

  /** Every change after a resourceVersion, with bookmarks, until the API server ends it. @throws as `watchEvents` */
  async *watch(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent, void> {
    const { resourceVersion, timeoutSeconds, signal, silenceMs = DEFAULT_SILENCE_MS } = options;
    const request = {
      method: 'GET' as const,
      path: collectionPath(type, options.namespace),
      query: {
        ...selectors(options),
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
      },
      accept: asked(options, ''),
    };
    const answer = await this.#transport.open(withLimits(request, options));
    options.onOpen?.();
    yield* watchEvents(answer, { request: describe(request), clock: this.#clock, silenceMs, signal });
  }

  get(type: ResourceType, ref: ObjectRef, options: CallOptions = {}): Promise<unknown> {
    return this.#read({ method: 'GET', path: objectPath(type, ref) }, options);
  }

  /** @throws KubeError 409 `AlreadyExists` */
  create(type: ResourceType, object: KubeObject, options: CallOptions = {}): Promise<unknown> {
    const path = namespacePath(type, object.metadata.namespace);
    return this.#read(
      { method: 'POST', path, query: { fieldManager: FIELD_MANAGER }, body: object },
      options,
    );
  }

  /** E.g. a ServiceAccount's `token` (TokenRequest). */
  createSubresource(
    type: ResourceType,
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    options: CallOptions = {},
  ): Promise<unknown> {
    return this.#read({ method: 'POST', path: objectPath(type, ref, subresource), body }, options);
  }

  /** Server-side apply: the object is made, or has the given fields afterwards; those that we no longer give go. */
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions = {}): Promise<unknown> {
    return this.#apply(objectPath(type, object.metadata), object, options);
  }

  /** As `apply`, of the status alone. @throws KubeError where the object is not there */
  applyStatus(type: ResourceType, object: KubeObject, options: ApplyOptions = {}): Promise<unknown> {
    return this.#apply(objectPath(type, object.metadata, 'status'), object, options);
  }

  /** Replaces an object that still has the resourceVersion that it was read with. @throws KubeError 409 `Conflict` */
  update(
    type: ResourceType,
    object: KubeObject & { readonly metadata: { readonly resourceVersion: string } },
    options: CallOptions = {},
  ): Promise<unknown> {
    const path = objectPath(type, object.metadata);
    return this.#read({ method: 'PUT', path, query: { fieldManager: FIELD_MANAGER }, body: object }, options);
  }

  /** @throws KubeError 404; 409 when it is not the object, or the version, that was meant */
  async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, resourceVersion },
      propagationPolicy,
    };
    await this.#read({ method: 'DELETE', path: objectPath(type, ref), body }, options);
  }

  /** The body of any path as text, e.g. `/readyz`. */
  rawGet(path: string, options: CallOptions = {}): Promise<string> {
    return this.#transport.read(withLimits({ method: 'GET', path }, options));
  }

  /** Whose token it is. @param audiences it must be for one of them */
  async tokenReview(
    token: string,
    audiences: readonly string[],
    options: CallOptions = {},
  ): Promise<TokenReview> {
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
    const answer = await this.#read({ method: 'POST', path, body }, options);
    const { status } = parse(review, answer, `POST ${path}`);
    return {
      authenticated: status.authenticated,
      audiences: status.audiences ?? [],
      username: status.user.username,
      uid: status.user.uid,
      groups: status.user.groups ?? [],
      error: status.error,
    };
  }

  /** Runs a program in a pod and waits for its end; 30 s. @throws as `execInPod` */
  exec(
    program: PodProgram,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS, onStdout }: CallOptions & Pick<ExecLimits, 'onStdout'> = {},
  ): Promise<ExecResult> {
    return execInPod(this.#transport.credentials, program, { signal, timeoutMs, onStdout });
  }

  /**
   * Calls back when the API server is back after it was away: whoever waits to try again should not wait longer. What
   * was under way and had no answer is given up then. @returns what ends it
   */
  onReturn(listener: () => void): () => void {
    return this.#transport.reach.onReturn(listener);
  }

  close(): void {
    this.#transport.close();
  }

  #apply(path: string, object: KubeObject, options: ApplyOptions): Promise<unknown> {
    const { fieldManager = FIELD_MANAGER, force = true } = options;
    const query = { fieldManager, force: String(force) };
    const contentType = 'application/apply-patch+yaml';
    return this.#read({ method: 'PATCH', path, query, body: object, contentType }, options);
  }

  async #read(request: Unlimited, options: CallOptions): Promise<unknown> {
    const body = await this.#transport.read(withLimits(request, options));
    try {
      return JSON.parse(body);
    } catch (failure) {
      throw KubeError.transport(describe(request), 'Malformed', 'the answer is not JSON', failure);
    }
  }
}

type Unlimited = Omit<KubeRequest, 'signal' | 'timeoutMs'>;

function withLimits(request: Unlimited, { signal, timeoutMs }: CallOptions): KubeRequest {
  return { ...request, signal, timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS };
}

function selectors({ labelSelector, fieldSelector }: Selection): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

function asked({ metadataOnly }: Selection, suffix: 'List' | ''): string | undefined {
  if (metadataOnly !== true) return undefined;
  return `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1`;
}

function parse<T>(schema: z.ZodType<T>, value: unknown, request: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const reason = z.prettifyError(result.error).split('\n')[0];
  throw KubeError.transport(request, 'Malformed', `the answer is not as it should be: ${reason}`);
}
