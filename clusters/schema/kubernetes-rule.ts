/**
 * How a rule that zod checks by a function is told to an API server. It goes into the `params` of a `refine`, where the
 * generator of the CRDs (clusters/crds/) finds it; a `refine` without one cannot be generated.
 */
export type KubernetesRule =
  /** CEL for x-kubernetes-validations; `self` is the value, with defaults filled in and durations as text. */
  | { readonly kind: 'cel'; readonly cel: string }
  /** Only here; the object is accepted by the API server, and its status condition has the reason. */
  | { readonly kind: 'not-in-cel'; readonly why: string };

interface RuleParams {
  readonly params: { readonly kubernetes: KubernetesRule };
}

export function inCel(cel: string): RuleParams {
  return { params: { kubernetes: { kind: 'cel', cel } } };
}

export function notInCel(why: string): RuleParams {
  return { params: { kubernetes: { kind: 'not-in-cel', why } } };
}

/** For a `refine` of an object of which exactly one of these fields must be there. */
export function exactlyOneOf(
  ...fields: readonly string[]
): [check: (value: object) => boolean, params: RuleParams & { readonly message: string }] {
  const check = (value: object): boolean =>
    fields.filter((field) => Reflect.get(value, field) !== undefined).length === 1;
  const given = fields.map((field) => `has(self.${field})`).join(', ');
  const message = `needs exactly one of ${fields.slice(0, -1).join(', ')} and ${fields.at(-1)}`;
  return [check, { message, ...inCel(`[${given}].exists_one(given, given)`) }];
}
