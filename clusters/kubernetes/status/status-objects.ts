import { ZodError } from 'zod';
import type { Clock } from '../../../federation/runtime/clock.ts';
import type { KubeClient } from '../kube-client.ts';
import { isOlder } from '../mcs/owned-objects.ts';
import { type ObjectKey, Reflector } from '../reflector.ts';
import type { ResourceType } from '../resource-type.ts';
import { WATCHED_KINDS } from '../watched-kinds.ts';
import {
  idOf,
  POLICY_KINDS,
  ROUTE_KINDS,
  readStatusObject,
  type StatusKind,
  type StatusObject,
} from './status-object.ts';

export type StatusClient = Pick<KubeClient, 'list' | 'watch' | 'applyStatus' | 'onReturn'>;

export interface StatusObjectsOptions {
  readonly client: StatusClient;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** Ids of the objects that are different now, or gone. */
  readonly changed: (ids: readonly string[]) => void;
}

const KINDS: readonly StatusKind[] = [...POLICY_KINDS, ...ROUTE_KINDS, 'ClusterPeer'];

/** All objects whose status we write, as they are in the cluster, by `kind/namespace/name`. */
export class StatusObjects {
  /** When all of them are known. */
  readonly ready: Promise<void>;
  readonly #reflectors: readonly Reflector<StatusObject>[];
  readonly #told = new Map<string, StatusObject>();
  /** What the API server answered to our writing, until the watch has told it too. */
  readonly #written = new Map<string, StatusObject>();

  constructor(options: StatusObjectsOptions) {
    this.#reflectors = KINDS.map((kind) => this.#follow(kind, options));
    this.ready = Promise.all(this.#reflectors.map(({ ready }) => ready)).then(() => undefined);
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

  async close(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.close()));
  }

  #follow(
    kind: StatusKind,
    { client, clock, random, changed }: StatusObjectsOptions,
  ): Reflector<StatusObject> {
    const reflector: Reflector<StatusObject> = new Reflector({
      client,
      clock,
      random,
      types: typesOf(kind),
      keep: (object, type) => readable(kind, type, object),
      changed: (keys) => changed(keys.map((key) => this.#take(kind, key, reflector.get(key)))),
    });
    return reflector;
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

function typesOf(kind: StatusKind): readonly [ResourceType, ...ResourceType[]] {
  const watched = WATCHED_KINDS.find((one) => one.kind === kind);
  if (watched === undefined) throw new Error(`${kind} is not watched`);
  return watched.types;
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
