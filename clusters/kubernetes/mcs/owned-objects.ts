import { ZodError, z } from 'zod';
import type { ServiceKey } from '../../../federation/model/service.ts';
import { type Clock, every } from '../../../federation/runtime/clock.ts';
import type { KubeClient, Selection } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { type ObjectKey, Reflector } from '../reflector.ts';
import type { KubeObject, ObjectRef, ResourceType } from '../resource-type.ts';
import { KnownFields } from './known-fields.ts';
import { apiVersion } from './mcs-objects.ts';
import type { Observed } from './observed.ts';

/** How long it is believed that a kind lacks a field, at most: whoever owns its definition may bring it up to date. */
export const DOUBT_EVERY_MS = 600_000;

export type McsClient = Pick<
  KubeClient,
  'list' | 'watch' | 'get' | 'create' | 'apply' | 'applyStatus' | 'update' | 'delete' | 'onReturn'
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
  readonly #fields = new KnownFields(() => this.#makeAnew());
  readonly #stopDoubting: () => void;
  /**
   * What the API server made of what we meant, where that is something else: a kind of another owner may leave something out,
   * or put something in. To write it again would change nothing.
   */
  readonly #made = new Map<ObjectKey, Made>();
  readonly #madeStatus = new Map<ObjectKey, MadeStatus>();

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
      listed: (resourceVersion) => this.#listed(resourceVersion),
    });
    this.#stopDoubting = every(clock, DOUBT_EVERY_MS, () => this.#doubtFields());
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
    const { client, kind } = this.#options;
    const found = this.get(object.metadata);
    if (found === undefined) return this.#keep(await client.create(this.type, object));
    if (!found.ours) throw new ForeignObject(`${kind} ${keyOf(found)}`);
    const wanted = this.#wanted(object);
    return this.#isMade(found, wanted) ? found : this.#write(object, found, wanted);
  }

  #wanted(object: KubeObject): T {
    return this.#options.observe(this.#fields.fit(object));
  }

  #isMade(found: T, { content }: T): boolean {
    if (found.content === content) return true;
    const made = this.#made.get(keyOf(found));
    return made?.wanted === content && made.content === found.content;
  }

  async #write(object: KubeObject, found: T, wanted: T): Promise<T> {
    // Others own a field that is not theirs to decide, such as a selector: apply leaves it, a replacement does not. So it is
    // with a name that we put there ourselves when we made the object.
    const applied = hasMoreNames(found, wanted) ? undefined : await this.#apply(object, found);
    if (applied !== undefined && this.#isMade(applied, this.#wanted(object))) return applied;
    const replaced = await this.#replace(object, applied ?? found);
    const { content } = this.#wanted(object);
    if (replaced.content === content) this.#made.delete(keyOf(found));
    else this.#made.set(keyOf(found), { wanted: content, content: replaced.content });
    return replaced;
  }

  /** All that we decide; what others put beside it stays: labels, annotations, who owns it and what keeps it from going. */
  async #replace(object: KubeObject, found: T): Promise<T> {
    const { client } = this.#options;
    const { name, namespace, resourceVersion } = found;
    const { metadata: before } = stored.parse(await client.get(this.type, { name, namespace }));
    const { metadata: meant } = stored.parse(object);
    const labels = { ...withoutNames('label', before.labels, found), ...meant.labels };
    const annotations = {
      ...withoutNames('annotation', before.annotations, found),
      ...meant.annotations,
    };
    const { finalizers } = before;
    const ownerReferences = joinOwners(before.ownerReferences, meant.ownerReferences);
    // Over the version that was seen: what was read may be a later one, and no more ours.
    const kept = { resourceVersion, labels, annotations, finalizers, ownerReferences };
    return this.#keep(await client.update(this.type, versioned(object, kept)));
  }

  /** undefined when what is meant does not go together with what stays, such as a port that was made otherwise. */
  async #apply(object: KubeObject, { resourceVersion }: T): Promise<T | undefined> {
    try {
      const meant = versioned(object, { resourceVersion });
      const apply = (known: KubeObject): Promise<unknown> => this.#options.client.apply(this.type, known);
      return this.#keep(await this.#fields.apply(meant, apply));
    } catch (failure) {
      if (failure instanceof KubeError && failure.status === 422) return undefined;
      throw failure;
    }
  }

  /**
   * The status of an object of ours.
   * @param essence all of it that is not a time: what was written, and changed nothing since, is not written again
   * @throws KubeError
   */
  async writeStatus(
    found: Pick<T, 'name' | 'namespace' | 'resourceVersion'>,
    status: Readonly<Record<string, unknown>>,
    essence: string,
  ): Promise<void> {
    const { client, kind } = this.#options;
    const { name, namespace, resourceVersion } = found;
    const key = keyOf(found);
    const made = this.#madeStatus.get(key);
    if (made?.essence === essence && made.resourceVersion === resourceVersion) return;
    const object = { apiVersion: apiVersion(this.type), kind, metadata: { name, namespace }, status };
    const apply = (known: KubeObject): Promise<unknown> => client.applyStatus(this.type, known);
    const written = this.#keep(await this.#fields.apply(object, apply));
    this.#madeStatus.set(key, { essence, resourceVersion: written.resourceVersion });
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
    this.#stopDoubting();
    return this.#reflector.close();
  }

  /** One object for each field is written with it once more, which tells; the others wait for that. */
  #doubtFields(): void {
    const owners = this.#fields.doubt().map((ref) => {
      const key = keyOf(ref);
      this.#made.delete(key);
      this.#madeStatus.delete(key);
      return this.#owners.get(key);
    });
    const services = owners.filter((owner) => owner !== undefined);
    if (services.length > 0) this.#options.changed(services);
  }

  /** The kind can have more than it could: what was made without that is compared again. */
  #makeAnew(): void {
    this.#made.clear();
    this.#madeStatus.clear();
    this.#options.changed([...this.services]);
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
        this.#made.delete(key);
        this.#madeStatus.delete(key);
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

  /** What we wrote while the watch was away, and others took away again before it was back, no event tells of. */
  #listed(resourceVersion: string): void {
    const services = new Set<ServiceKey>();
    for (const [key, written] of this.#written) {
      if (this.#reflector.get(key) !== undefined || isOlder({ resourceVersion }, written)) continue;
      this.#written.delete(key);
      services.add(written.owner ?? key);
    }
    if (services.size > 0) this.#options.changed(services);
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

interface Made {
  /** `Observed.content` of what was meant, and of what came of it. */
  readonly wanted: string;
  readonly content: string;
}

interface MadeStatus {
  readonly essence: string;
  /** What the object had after it. */
  readonly resourceVersion: string;
}

const names = z.record(z.string(), z.string()).nullish();
const owner = z.looseObject({ kind: z.string(), name: z.string() });

const stored = z.object({
  metadata: z.object({
    labels: names,
    annotations: names,
    finalizers: z.array(z.string()).optional(),
    ownerReferences: z.array(owner).optional(),
  }),
});

/** Without those that are for us to decide. */
function withoutNames(kind: 'label' | 'annotation', given: z.infer<typeof names>, { names: ours }: Observed) {
  return Object.fromEntries(
    Object.entries(given ?? {}).filter(([name]) => ours?.includes(`${kind} ${name}`) !== true),
  );
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

type Owner = z.infer<typeof owner>;

/** One that is made anew has the name of the one before it, and another uid. */
function joinOwners(before: readonly Owner[] = [], meant: readonly Owner[] = []): readonly Owner[] {
  const isMeant = ({ kind, name }: Owner): boolean =>
    meant.some((one) => one.kind === kind && one.name === name);
  return [...before.filter((one) => !isMeant(one)), ...meant];
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
