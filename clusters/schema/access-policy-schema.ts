import { z } from 'zod';
import type { AccessRule } from '../../federation/model/policy.ts';
import type { AccessPolicy } from '../provider.ts';
import { dnsLabel, metadata, targetRefs, targetServices } from './metadata.ts';

const MAX_RULES = 100;
const principal = z
  .string()
  .max(2048)
  .regex(/^spiffe:\/\/[^*]+\*?$/, 'is not a SPIFFE ID, or the beginning of one followed by *');

const rule = z.strictObject({
  action: z.enum(['Allow', 'Deny']),
  principals: z.array(principal).max(100).default([]),
  sourceClusters: z.array(dnsLabel).max(100).default([]),
  methods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, 'is not a method such as GET'))
    .max(20)
    .default([]),
  pathPrefixes: z
    .array(z.string().regex(/^\/[!-~]*$/, 'is not a path that begins with /'))
    .max(100)
    .default([]),
});

/** `isthmus.io/v1alpha1` AccessPolicy. */
export const accessPolicySchema = z.object({
  kind: z.literal('AccessPolicy'),
  metadata,
  spec: z.strictObject({
    targetRefs,
    rules: z.array(rule).min(1).max(MAX_RULES, `has more than ${MAX_RULES} rules`),
  }),
});

export type AccessPolicyObject = z.infer<typeof accessPolicySchema>;

/** One per target. */
export function toAccessPolicies(object: AccessPolicyObject): AccessPolicy[] {
  const rules: AccessRule[] = object.spec.rules.map((given) => ({
    ...given,
    action: given.action === 'Allow' ? 'allow' : 'deny',
  }));
  return targetServices(object.metadata.namespace, object.spec.targetRefs).map((target) => ({
    target,
    rules,
  }));
}
