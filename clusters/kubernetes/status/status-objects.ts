import { ZodError } from 'zod';
import type { ResourceKind } from '../../schema/resource.ts';
import { isOlder } from '../mcs/owned-objects.ts';
import type { ObjectKey } from '../reflector.ts';
import type { ResourceType } from '../resource-type.ts';
import {
  idOf,
  POLICY_KINDS,
  ROUTE_KINDS,
  readStatusObject,
  type StatusKind,
  type StatusObject,
} from './status-object.ts';

const KINDS: ReadonlySet<ResourceKind> = new Set([...POLICY_KINDS, ...ROUTE_KINDS, 'ClusterPeer']);

/** All objects whose status we write, as they are in the cluster, by `kind/namespace/name`. The provider feeds it. */
export class StatusObjects {
  /** When all of them are known. */
  readonly ready: Promise<void>;
  readonly #told = new Map<string, StatusObject>();
  /** What the API server answered to our writing, until the watch has told it too. */
  readonly #written = new Map<string, StatusObject>();
  readonly #listeners = new Set<(ids: readonly string[]) => void>();
  #becomeReady: () => void = () => undefined;

  constructor() {
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
  }

  get(id: string): StatusObject | undefined {
    const told = this.#told.get(id);
    const written = this.#written.get(id);
    if (written === undefined || told === undefined) return told;
    if (isOlder(told, written)) return written;
    this.#written.delete(id);
    return told;
  }

  get ids(): Iterable<string> {
    return this.#told.keys();
  }

  /** @param answer the object as the API server has it after our writing */
  wrote({ kind, type }: StatusObject, answer: unknown): void {
    const written = readStatusObject(kind, type, answer);
    this.#written.set(idOf(written), written);
  }

  /** Calls back with the ids of objects that are different now, or gone. */
  watch(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What there is to know of an object; undefined for kinds whose status is nobody's or others'. */
  read(kind: ResourceKind, type: ResourceType, object: unknown): StatusObject | undefined {
    return isStatusKind(kind) ? readable(kind, type, object) : undefined;
  }

  /** Takes in what these objects are now; undefined = gone. */
  take(
    kind: ResourceKind,
    keys: readonly ObjectKey[],
    now: (key: ObjectKey) => StatusObject | undefined,
  ): void {
    if (!isStatusKind(kind)) return;
    const ids = keys.map((key) => this.#take(kind, key, now(key)));
    for (const listener of [...this.#listeners]) listener(ids);
  }

  /** Every object there is has been taken in. */
  allRead(): void {
    this.#becomeReady();
  }

  #take(kind: StatusKind, key: ObjectKey, object: StatusObject | undefined): string {
    const [one, other] = key.split('/');
    const id =
      other === undefined ? idOf({ kind, namespace: undefined, name: key }) : `${kind}/${one}/${other}`;
    if (object === undefined) {
      this.#told.delete(id);
      this.#written.delete(id);
    } else {
      this.#told.set(id, object);
    }
    return id;
  }
}

function isStatusKind(kind: ResourceKind): kind is StatusKind {
  return KINDS.has(kind);
}

/** What is no object at all is nothing that could have a status. */
function readable(kind: StatusKind, type: ResourceType, object: unknown): StatusObject | undefined {
  try {
    return readStatusObject(kind, type, object);
  } catch (failure) {
    if (failure instanceof ZodError) return undefined;
    throw failure;
  }
}
