import { z } from 'zod';
import type { AccessRule } from '../../federation/model/policy.ts';
import type { AccessPolicy } from '../provider.ts';
import { dnsLabel, targetRefs, targetServices, versionedMetadata } from './metadata.ts';
import { notTooLong } from './policy-length.ts';

const MAX_RULES = 100;
const principal = z
  .string()
  .max(2048)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: gateways refuse them
  .regex(/^spiffe:\/\/[^*\x00-\x1f\x7f]+\*?$/, 'is not a SPIFFE ID, or the beginning of one followed by *');

const serviceAccount = z
  .string()
  .max(317)
  .regex(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'is not the name of a service account, or NAMESPACE/NAME of one in another namespace',
  );

const rule = z.strictObject({
  action: z
    .enum(['Allow', 'Deny'])
    .describe(
      'What becomes of a request that the rule fits: `Allow` lets it pass, `Deny` refuses it with 403.',
    ),
  principals: z
    .array(principal)
    .max(100)
    .default([])
    .describe(
      'Callers by SPIFFE ID, at most 100. A `*` at the end stands for any rest, such as ' +
        '`spiffe://west.mesh.example/ns/shop/*`. Empty fits any caller, anonymous ones included.',
    ),
  namespaces: z
    .array(dnsLabel)
    .max(100)
    .default([])
    .describe(
      'Namespaces of callers, in whichever cluster, at most 100. Empty fits any caller; others need a verified identity.',
    ),
  serviceAccounts: z
    .array(serviceAccount)
    .max(100)
    .default([])
    .describe(
      "Service accounts of callers, in whichever cluster, at most 100: `NAME` in the policy's own namespace, or `NAMESPACE/NAME`.",
    ),
  sourceClusters: z
    .array(dnsLabel)
    .max(100)
    .default([])
    .describe('Clusters that the request comes from, such as `west`, at most 100. Empty fits every cluster.'),
  methods: z
    .array(
      z
        .string()
        .regex(/^[A-Z]{1,20}$/, 'is not a method such as GET')
        .meta({ maxLength: 20 }),
    )
    .max(20)
    .default([])
    .describe('HTTP methods in capitals, such as `GET`, at most 20. Empty fits every method.'),
  paths: z
    .array(
      z
        .string()
        .max(2048)
        .regex(/^\/[!->@-~]*$/, 'is not a path that begins with / and has no query'),
    )
    .max(100)
    .default([])
    .describe(
      'Whole paths without a query, such as `/shop.Cart/Get`, at most 100. With pathPrefixes, one of either.',
    ),
  pathPrefixes: z
    .array(
      z
        .string()
        .max(2048)
        .regex(/^\/[!-~]*$/, 'is not a path that begins with /'),
    )
    .max(100)
    .default([])
    .describe('What the path begins with, such as `/api/`, at most 100. Empty fits every path.'),
});

const accessPolicy = z
  .object({
    kind: z.literal('AccessPolicy'),
    metadata: versionedMetadata,
    spec: z
      .strictObject({
        targetRefs,
        mode: z
          .enum(['Enforce', 'Audit'])
          .default('Enforce')
          .describe('`Audit`: what the rules would refuse is logged and counted, and passes.'),
        callerProof: z
          .enum(['MutualTLS', 'PodAddress'])
          .default('MutualTLS')
          .describe(
            'How the rules know a caller: `MutualTLS` by its certificate alone, `PodAddress` also by the address of its pod, ' +
              'which whoever can send from that address has as well.',
          ),
        rules: z
          .array(rule)
          .min(1)
          .max(MAX_RULES, `has more than ${MAX_RULES} rules`)
          .describe(
            'The rules, 1 to 100. A rule fits a request that has one of each list that is not empty. A request that a Deny fits is refused; where there is an Allow at all, one must fit.',
          ),
      })
      .describe('Who may call the targets, and what they may ask for.'),
  })
  .describe(
    'AccessPolicy says who may call services, by SPIFFE ID, namespace, service account, cluster, method and path.',
  );

export type AccessPolicyObject = z.infer<typeof accessPolicy>;

/** `isthmus.io/v1alpha1` AccessPolicy. */
export const accessPolicySchema = accessPolicy.refine(
  ...notTooLong((given: AccessPolicyObject) => toAccessPolicies(given)[0]?.rules),
);

/** One per target. */
export function toAccessPolicies({ metadata: meta, spec }: AccessPolicyObject): AccessPolicy[] {
  const policy = `${meta.namespace}/${meta.name}`;
  const rules = spec.rules.map(
    (given, index): AccessRule => ({
      ...given,
      action: given.action === 'Allow' ? 'allow' : 'deny',
      mode: spec.mode === 'Audit' ? 'audit' : 'enforce',
      callerProof: spec.callerProof === 'PodAddress' ? 'pod-address' : 'mutual-tls',
      serviceAccounts: given.serviceAccounts.map((name) =>
        name.includes('/') ? name : `${meta.namespace}/${name}`,
      ),
      origin: { policy, rule: index },
    }),
  );
  return targetServices(meta.namespace, spec.targetRefs).map((target) => ({ target, rules }));
}
