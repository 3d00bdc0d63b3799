import { KubeError } from '../kube-error.ts';
import type { KubeObject } from '../resource-type.ts';

const UNDECLARED = /\.([A-Za-z][\w.]*): field not declared in schema/g;

/**
 * The fields of a kind that its definition does not have: one of another owner may be older than what we write. Server-side
 * apply refuses an object for such a field, where all other verbs leave it out. What is learned holds for the process.
 */
export class KnownFields {
  /** As in `spec.trafficDistribution`. */
  readonly #missing = new Set<string>();

  /** The object as the kind can have it. */
  fit(object: KubeObject): KubeObject {
    let fitted = object;
    for (const path of this.#missing) fitted = without(fitted, path.split('.'));
    return fitted;
  }

  /** @throws KubeError whatever `apply` fails with, but for fields that are not declared: then it is asked without them */
  async apply<A>(object: KubeObject, apply: (object: KubeObject) => Promise<A>): Promise<A> {
    for (;;) {
      try {
        return await apply(this.fit(object));
      } catch (failure) {
        if (!this.#learn(failure)) throw failure;
      }
    }
  }

  /** @returns whether that says anything new */
  #learn(failure: unknown): boolean {
    if (!(failure instanceof KubeError)) return false;
    const before = this.#missing.size;
    for (const [, path] of failure.message.matchAll(UNDECLARED))
      if (path !== undefined) this.#missing.add(path);
    return this.#missing.size > before;
  }
}

function without<T extends Readonly<Record<string, unknown>>>(
  object: T,
  [name = '', ...rest]: readonly string[],
): T {
  const inner = object[name];
  if (inner === undefined) return object;
  if (rest.length > 0) return isRecord(inner) ? { ...object, [name]: without(inner, rest) } : object;
  const { [name]: _left, ...others } = object;
  return others as T;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
