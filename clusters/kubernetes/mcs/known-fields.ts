import { isDeepStrictEqual } from 'node:util';
import { isFields } from '../../../federation/model/fields.ts';
import { KubeError } from '../kube-error.ts';
import type { KubeObject, ObjectRef } from '../resource-type.ts';

const UNDECLARED = /\.([A-Za-z][\w.]*): field not declared in schema/g;

/**
 * The fields of a kind that its definition does not have: one of another owner may be older than what we write. Server-side
 * apply refuses an object for such a field, where all other verbs leave it out. What is learned holds until it is doubted.
 */
export class KnownFields {
  /** As in `spec.trafficDistribution`, with the object for which that was said. */
  readonly #missing = new Map<string, ObjectRef>();
  /** Were missing, and nobody asked since they were doubted. */
  readonly #doubted = new Set<string>();
  readonly #grown: () => void;

  /** @param grown the definition has a field now that it did not have */
  constructor(grown: () => void = () => undefined) {
    this.#grown = grown;
  }

  /** The object as the kind can have it. */
  fit(object: KubeObject): KubeObject {
    let fitted = object;
    for (const path of this.#missing.keys()) fitted = without(fitted, path.split('.'));
    return fitted;
  }

  /** @throws KubeError whatever `apply` fails with, but for fields that are not declared: then it is asked without them */
  async apply<A>(object: KubeObject, apply: (object: KubeObject) => Promise<A>): Promise<A> {
    for (;;) {
      const fitted = this.fit(object);
      try {
        const answer = await apply(fitted);
        this.#confirm(fitted);
        return answer;
      } catch (failure) {
        if (!this.#learn(failure, object.metadata)) throw failure;
        // Another one may have learned the same meanwhile: what counts is whether it would be asked otherwise now.
        if (isDeepStrictEqual(this.fit(object), fitted)) throw failure;
      }
    }
  }

  /** Takes what was learned for old: the definition may be another by now. @returns objects that show whether it is */
  doubt(): readonly ObjectRef[] {
    const shown = new Set(this.#missing.values());
    for (const path of this.#missing.keys()) this.#doubted.add(path);
    this.#missing.clear();
    return [...shown];
  }

  /** @returns whether that is said of any field */
  #learn(failure: unknown, { namespace, name }: ObjectRef): boolean {
    if (!(failure instanceof KubeError)) return false;
    let found = false;
    const ref = { namespace, name };
    for (const [, path] of failure.message.matchAll(UNDECLARED)) {
      if (path === undefined) continue;
      found = true;
      this.#missing.getOrInsert(path, ref);
      this.#doubted.delete(path);
    }
    return found;
  }

  #confirm(applied: KubeObject): void {
    const there = [...this.#doubted].filter((path) => without(applied, path.split('.')) !== applied);
    for (const path of there) this.#doubted.delete(path);
    if (there.length > 0) this.#grown();
  }
}

/** The very object where it has no such field. */
function without<T extends Readonly<Record<string, unknown>>>(
  object: T,
  [name = '', ...rest]: readonly string[],
): T {
  const inner = object[name];
  if (inner === undefined) return object;
  if (rest.length > 0) {
    if (!isFields(inner)) return object;
    const left = without(inner, rest);
    return left === inner ? object : { ...object, [name]: left };
  }
  const { [name]: _left, ...others } = object;
  return others as T;
}
