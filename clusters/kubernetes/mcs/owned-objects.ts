import { ZodError } from 'zod';
import type { ServiceKey } from '../../../federation/model/service.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import type { KubeClient, Selection } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { type ObjectKey, Reflector } from '../reflector.ts';
import type { KubeObject, ObjectRef, ResourceType } from '../resource-type.ts';
import { apiVersion } from './mcs-objects.ts';
import type { Observed } from './observed.ts';

export type McsClient = Pick<
  KubeClient,
  'list' | 'watch' | 'create' | 'apply' | 'applyStatus' | 'update' | 'delete' | 'onReturn'
>;

/** Somebody else's object has the name that one of ours should have. */
export class ForeignObject extends Error {
  constructor(what: string) {
    super(
      `${what} is there and was not made by Isthmus: it is left as it is, and the import has to wait; remove it, or export ` +
        'the service under another name',
    );
    this.name = 'ForeignObject';
  }
}

export interface OwnedObjectsOptions<T extends Observed> {
  readonly client: McsClient;
  readonly kind: string;
  readonly types: readonly [ResourceType, ...ResourceType[]];
  readonly selection?: Selection;
  readonly observe: (object: unknown) => T;
  readonly clock: Clock;
  readonly random: () => number;
  /** Of these services objects were changed, by us or by others. */
  readonly changed: (keys: Iterable<ServiceKey>) => void;
}

/**
 * The objects of one kind that we make, beside those of others: what there is, and the only way to change it. What is
 * there as it should be is not written; what is not ours is never written.
 */
export class OwnedObjects<T extends Observed> {
  readonly #options: OwnedObjectsOptions<T>;
  readonly #reflector: Reflector<T>;
  /** By object: the service that it was last known to be of. It says so no more when it is gone. */
  readonly #owners = new Map<ObjectKey, ServiceKey>();
  readonly #ofService = new Map<ServiceKey, Set<ObjectKey>>();
  /** What we wrote, until the watch has told it too. */
  readonly #written = new Map<ObjectKey, T>();
  /** What we removed, by its uid, until the watch has told it too. */
  readonly #removed = new Map<ObjectKey, string>();

  constructor(options: OwnedObjectsOptions<T>) {
    this.#options = options;
    const { client, types, selection, clock, random, observe } = options;
    this.#reflector = new Reflector({
      client,
      types,
      ...(selection === undefined ? {} : { selection }),
      clock,
      random,
      keep: (object) => readable(observe, object),
      changed: (keys) => this.#changed(keys),
    });
  }

  get ready(): Promise<void> {
    return this.#reflector.ready;
  }

  get condition(): Reflector<T>['condition'] {
    return this.#reflector.condition;
  }

  /** The version in which it is served. */
  get type(): ResourceType {
    return this.#reflector.type;
  }

  get(ref: ObjectRef): T | undefined {
    const key = keyOf(ref);
    const told = this.#reflector.get(key);
    const written = this.#written.get(key);
    if (written === undefined) return told;
    if (told !== undefined && isOlder(told, written)) return written;
    if (told === undefined) return written;
    this.#written.delete(key);
    return told;
  }

  /** Ours, of a service. */
  of(service: ServiceKey): readonly T[] {
    const keys = this.#ofService.get(service) ?? [];
    return [...keys].map((key) => this.#reflector.get(key)).filter((found) => found !== undefined);
  }

  /** Of all services that have any. */
  get services(): Iterable<ServiceKey> {
    return this.#ofService.keys();
  }

  *all(): Iterable<T> {
    for (const [, object] of this.#reflector.entries()) yield object;
  }

  /**
   * Sees to it that the object is there, and as it is meant.
   * @throws ForeignObject when somebody else's has its name; KubeError
   */
  async ensure(object: KubeObject): Promise<T> {
    const { client, kind, observe } = this.#options;
    const wanted = observe(object);
    const found = this.get(object.metadata);
    if (found === undefined) return this.#keep(await client.create(this.type, object));
    if (!found.ours) throw new ForeignObject(`${kind} ${keyOf(found)}`);
    if (found.content === wanted.content) return found;
    // Others own a field that is not theirs to decide, such as a selector: apply leaves it, a replacement does not. So it is
    // with a name that we put there ourselves when we made the object.
    const applied = hasMoreNames(found, wanted) ? undefined : await this.#apply(object, found);
    if (applied?.content === wanted.content) return applied;
    const { resourceVersion } = applied ?? found;
    return this.#keep(await client.update(this.type, versioned(object, { resourceVersion })));
  }

  /** undefined when what is meant does not go together with what stays, such as a port that was made otherwise. */
  async #apply(object: KubeObject, { resourceVersion }: T): Promise<T | undefined> {
    try {
      return this.#keep(await this.#options.client.apply(this.type, versioned(object, { resourceVersion })));
    } catch (failure) {
      if (failure instanceof KubeError && failure.status === 422) return undefined;
      throw failure;
    }
  }

  /** The status of an object of ours. @throws KubeError */
  async writeStatus(ref: ObjectRef, status: Readonly<Record<string, unknown>>): Promise<void> {
    const { client, kind } = this.#options;
    const metadata = { name: ref.name, namespace: ref.namespace };
    this.#keep(
      await client.applyStatus(this.type, { apiVersion: apiVersion(this.type), kind, metadata, status }),
    );
  }

  /** Takes away what is ours. @throws KubeError */
  async remove(found: T): Promise<void> {
    if (!found.ours) return;
    const { name, namespace, uid } = found;
    const key = keyOf(found);
    if (this.#removed.get(key) === uid) return;
    this.#written.delete(key);
    this.#removed.set(key, uid);
    try {
      await this.#options.client.delete(this.type, { name, namespace }, { uid });
    } catch (failure) {
      this.#removed.delete(key);
      if (!KubeError.isNotFound(failure)) throw failure;
    }
  }

  close(): Promise<void> {
    return this.#reflector.close();
  }

  #keep(answer: unknown): T {
    const written = this.#options.observe(answer);
    this.#written.set(keyOf(written), written);
    return written;
  }

  #changed(keys: readonly ObjectKey[]): void {
    const services = new Set<ServiceKey>();
    for (const key of keys) {
      const before = this.#owners.get(key);
      const found = this.#reflector.get(key);
      if (found === undefined) {
        this.#written.delete(key);
        this.#removed.delete(key);
      }
      // Others' objects count for the service of their own name: an import, or what an export offers.
      services.add(found?.owner ?? before ?? key);
      if (before !== undefined && before !== found?.owner) {
        services.add(before);
        this.#forget(key, before);
      }
      if (found?.owner !== undefined) this.#remember(key, found.owner);
    }
    this.#options.changed(services);
  }

  #remember(key: ObjectKey, owner: ServiceKey): void {
    this.#owners.set(key, owner);
    this.#ofService.getOrInsertComputed(owner, () => new Set()).add(key);
  }

  #forget(key: ObjectKey, owner: ServiceKey): void {
    this.#owners.delete(key);
    const others = this.#ofService.get(owner);
    others?.delete(key);
    if (others?.size === 0) this.#ofService.delete(owner);
  }
}

/** What is none of ours may be of any shape; where it cannot be read, the API server will say that it is in the way. */
function readable<T>(observe: (object: unknown) => T, object: unknown): T | undefined {
  try {
    return observe(object);
  } catch (failure) {
    if (failure instanceof ZodError) return undefined;
    throw failure;
  }
}

function hasMoreNames(found: Observed, wanted: Observed): boolean {
  return found.names?.some((name) => wanted.names?.includes(name) !== true) === true;
}

function keyOf({ namespace, name }: ObjectRef): ObjectKey {
  return `${namespace}/${name}`;
}

function versioned<M extends Readonly<Record<string, unknown>>>(object: KubeObject, more: M) {
  return { ...object, metadata: { ...object.metadata, ...more } };
}

type Version = Pick<Observed, 'resourceVersion'>;

/** Kubernetes says how versions compare: as numbers. Where they are none, the watch's word counts. */
export function isOlder(told: Version, written: Version): boolean {
  const [one, other] = [told.resourceVersion, written.resourceVersion];
  if (!/^[0-9]+$/.test(one) || !/^[0-9]+$/.test(other)) return false;
  return BigInt(one) < BigInt(other);
}
