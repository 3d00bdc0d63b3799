import { POLICY_BOUNDS } from '../../federation/model/policy.ts';
import { notInCel } from './kubernetes-rule.ts';

/**
 * For a `refine` of a whole policy: gateways take no more than so many characters of it as JSON.
 * @param made what they get of it
 */
export function notTooLong<T>(made: (object: T) => unknown): [
  check: (object: T) => boolean,
  params: ReturnType<typeof notInCel> & {
    readonly message: string;
    readonly path: string[];
    readonly when: (payload: { readonly issues: readonly unknown[] }) => boolean;
  },
] {
  const { jsonLength } = POLICY_BOUNDS;
  return [
    (object) => JSON.stringify(made(object)).length <= jsonLength,
    {
      message: `is longer than the ${jsonLength} characters (as JSON) that a gateway takes`,
      path: ['spec'],
      when: ({ issues }) => issues.length === 0,
      ...notInCel('CEL does not count what a whole object has'),
    },
  ];
}
