import { z } from 'zod';
import {
  DEFAULT_FAILBACK,
  DEFAULT_FAILOVER_POLICY,
  DEFAULT_OUTLIER,
  type FailoverPolicy,
  type FailoverTier,
  type HealthCheckPolicy,
  POLICY_BOUNDS,
  type TierSelector,
} from '../../federation/model/policy.ts';
import { boundedTime, duration, durationFromTo } from './duration.ts';
import { exactlyOneOf, inCel } from './kubernetes-rule.ts';
import { dnsLabel, placeName, plainText, targetRefs, targetServices, versionedMetadata } from './metadata.ts';
import { notTooLong } from './policy-length.ts';

const percent = z.number().min(0).max(100);
const time = duration.refine(...boundedTime());
const { longestMs, mostCounted, healthCheck: probing } = POLICY_BOUNDS;
const MAX_TIERS = 16;

const weightedCluster = z.strictObject({
  name: dnsLabel.describe('Name of a member of the clusterset, such as `west`.'),
  weight: z
    .int()
    .min(0)
    .max(1000)
    .default(1)
    .describe('Share of the cluster beside the others of the tier, from 0 to 1000, such as `2`.'),
});

const tier = z
  .strictObject({
    clusters: z
      .array(weightedCluster)
      .min(1)
      .max(100)
      .optional()
      .describe('The tier is the endpoints of these clusters, 1 to 100.'),
    locality: z
      .enum(['SameZone', 'SameRegion', 'Any'])
      .optional()
      .describe(
        "The tier is the endpoints of the gateway's own zone (`SameZone`) or region (`SameRegion`) that no tier above " +
          'it has, or all that are left (`Any`).',
      ),
    region: placeName
      .min(1)
      .optional()
      .describe('The tier is the endpoints of this region, such as `eu-west-1`.'),
    zone: placeName
      .min(1)
      .optional()
      .describe('Only the endpoints of this zone of the region, such as `eu-west-1a`.'),
    maxShare: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'Most of the traffic that the tier takes while another can take the rest, from 0 to 1, such as `0.3`. It never ' +
          'sheds. Without it all.',
      ),
    maxConcurrent: z
      .int()
      .min(1)
      .max(mostCounted)
      .optional()
      .describe(
        'Most requests under way in the tier for each gateway pod, such as `500`. More go to the next tier; the last ' +
          'one refuses them with 503. Without it no bound.',
      ),
  })
  .refine(...exactlyOneOf('clusters', 'locality', 'region'))
  .refine(({ zone, region }) => zone === undefined || region !== undefined, {
    path: ['zone'],
    message: 'needs its region',
    ...inCel('!has(self.zone) || has(self.region)'),
  });

const failback = z.strictObject({
  holdDown: time
    .default(DEFAULT_FAILBACK.holdDownMs)
    .describe('Time that a cluster must be well before it gets anything again, such as `30s`.'),
  minHealthy: percent
    .default(DEFAULT_FAILBACK.minHealthyPercent)
    .describe('Percent of its endpoints that must be healthy before it counts as back, from 0 to 100.'),
  steps: z
    .array(z.number().gt(0).max(100))
    .min(1)
    .max(20)
    .refine((steps) => steps.every((step, index) => index === 0 || step > (steps[index - 1] ?? 0)), {
      message: 'must ascend',
      ...inCel('self.isSorted() && self.all(step, self.exists_one(other, other == step))'),
    })
    .refine((steps) => steps.length === 0 || steps.at(-1) === 100, {
      message: 'must end with 100',
      ...inCel('self.size() == 0 || self[self.size() - 1] == 100.0'),
    })
    .default([...DEFAULT_FAILBACK.steps])
    .describe('Percent of its share that the cluster gets, one step after another: ascending, the last 100.'),
  interval: time.default(DEFAULT_FAILBACK.intervalMs).describe('Time between two steps, such as `10s`.'),
});

const outlierDetection = z.strictObject({
  consecutiveFailures: z
    .int()
    .min(1)
    .max(mostCounted)
    .default(DEFAULT_OUTLIER.consecutiveFailures)
    .describe('Failures in a row (5xx, or no connection) after which an endpoint is ejected, such as `5`.'),
  sweepInterval: time
    .default(DEFAULT_OUTLIER.sweepIntervalMs)
    .describe('Time between two looks at which endpoints may come back, such as `10s`.'),
  baseEjection: time
    .default(DEFAULT_OUTLIER.baseEjectionMs)
    .describe('Time that an ejection lasts, times the number of ejections so far, such as `30s`.'),
  maxEjection: time
    .default(DEFAULT_OUTLIER.maxEjectionMs)
    .describe('Longest time that an ejection lasts, such as `5m`.'),
  maxEjectionPercent: percent
    .default(DEFAULT_OUTLIER.maxEjectionPercent)
    .describe(
      'Most of the endpoints that are ejected at a time, in percent from 0 to 100; one always may be.',
    ),
});

const healthCheck = z
  .strictObject({
    http: z
      .strictObject({
        path: z
          .string()
          .max(2048)
          .regex(/^\/[!-~]*$/, 'is not a path that begins with /')
          .describe('Path of the GET request, such as `/healthz`.'),
        expectedStatus: z
          .array(z.int().min(200).max(599))
          .min(1)
          .max(100)
          .default([200])
          .describe('Status codes that count as well, such as `200`, at most 100.'),
      })
      .optional()
      .describe('Checks by a GET request.'),
    grpc: z
      .strictObject({
        service: plainText
          .max(256)
          .default('')
          .describe(
            'The service that is asked for, such as `shop.Payments`; empty asks for the whole server.',
          ),
      })
      .optional()
      .describe('Checks by the gRPC health protocol (`grpc.health.v1.Health/Check`).'),
    tcp: z.strictObject({}).optional().describe('Checks by connecting. Write it as `{}`.'),
    interval: duration
      .refine(...durationFromTo(probing.shortestIntervalMs, longestMs))
      .default(5_000)
      .describe('Time between two checks of an endpoint, from `100ms`, such as `5s`.'),
    timeout: duration
      .refine(...durationFromTo(probing.shortestTimeoutMs, longestMs))
      .default(1_000)
      .describe('Time after which a check has failed, from `10ms`, such as `1s`.'),
    unhealthyThreshold: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('Failed checks in a row after which an endpoint is out, from 1 to 100.'),
    healthyThreshold: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('Good checks in a row after which an endpoint is back, from 1 to 100.'),
  })
  .refine(...exactlyOneOf('http', 'grpc', 'tcp'));

const policy = z
  .object({
    kind: z.literal('FailoverPolicy'),
    metadata: versionedMetadata,
    spec: z
      .strictObject({
        targetRefs,
        tiers: z
          .array(tier)
          .min(1)
          .max(MAX_TIERS, `has more than ${MAX_TIERS} tiers`)
          .optional()
          .describe(
            'Where requests go, in order: a tier takes what those above it cannot, 1 to 16. Without it: same zone, same ' +
              'region, the rest.',
          ),
        overprovisioningFactor: z
          .number()
          .min(1)
          .max(10)
          .default(DEFAULT_FAILOVER_POLICY.overprovisioningFactor)
          .describe(
            'How much more than its share a healthy endpoint can take, from 1 to 10. At 1.4 a tier keeps all its traffic ' +
              'until less than 72 % of its endpoints are healthy.',
          ),
        panicThreshold: percent
          .default(DEFAULT_FAILOVER_POLICY.panicThresholdPercent)
          .describe(
            'Percent of usable endpoints below which a tier counts all its endpoints as healthy when no tier is well, ' +
              'from 0 (never) to 100.',
          ),
        staleAfter: time
          .default(DEFAULT_FAILOVER_POLICY.staleAfterMs)
          .describe(
            'How long the endpoints of a cluster that publishes no news are used, such as `5m`, unless a trunk to it ' +
              'answers.',
          ),
        failback: failback.prefault({}).describe('How a cluster that failed gets its traffic back.'),
        outlierDetection: outlierDetection
          .prefault({})
          .describe('When an endpoint that fails requests is left out for a while.'),
        healthCheck: healthCheck
          .optional()
          .describe(
            'Asks endpoints themselves whether they are well. Without it their readiness alone counts.',
          ),
      })
      .describe('Where the requests to the targets go, and how they come back.'),
  })
  .describe(
    'FailoverPolicy says in which order clusters and localities take the requests to a service, what counts as a ' +
      'failure, and how traffic comes back.',
  );

export type FailoverPolicyObject = z.infer<typeof policy>;

/** `isthmus.io/v1alpha1` FailoverPolicy. */
export const failoverPolicySchema = policy.refine(...notTooLong(toFailoverPolicy));

export function toFailoverPolicy(object: FailoverPolicyObject): FailoverPolicy {
  const { metadata: meta, spec } = object;
  return {
    name: meta.name,
    namespace: meta.namespace,
    targets: targetServices(meta.namespace, spec.targetRefs),
    tiers: spec.tiers?.map(toTier) ?? DEFAULT_FAILOVER_POLICY.tiers,
    overprovisioningFactor: spec.overprovisioningFactor,
    panicThresholdPercent: spec.panicThreshold,
    staleAfterMs: spec.staleAfter,
    failback: {
      holdDownMs: spec.failback.holdDown,
      minHealthyPercent: spec.failback.minHealthy,
      steps: spec.failback.steps,
      intervalMs: spec.failback.interval,
    },
    outlier: {
      consecutiveFailures: spec.outlierDetection.consecutiveFailures,
      sweepIntervalMs: spec.outlierDetection.sweepInterval,
      baseEjectionMs: spec.outlierDetection.baseEjection,
      maxEjectionMs: spec.outlierDetection.maxEjection,
      maxEjectionPercent: spec.outlierDetection.maxEjectionPercent,
    },
    healthCheck: spec.healthCheck === undefined ? undefined : toHealthCheck(spec.healthCheck),
  };
}

function toTier(given: z.infer<typeof tier>): FailoverTier {
  return { selector: toSelector(given), maxShare: given.maxShare, maxConcurrent: given.maxConcurrent };
}

function toSelector(given: z.infer<typeof tier>): TierSelector {
  if (given.clusters !== undefined) {
    const clusters = given.clusters.map(({ name, weight }) => ({ cluster: name, weight }));
    return { kind: 'clusters', clusters };
  }
  if (given.region !== undefined) return { kind: 'region', region: given.region, zone: given.zone };
  if (given.locality === 'SameZone') return { kind: 'same-zone' };
  return given.locality === 'SameRegion' ? { kind: 'same-region' } : { kind: 'any' };
}

function toHealthCheck(given: z.infer<typeof healthCheck>): HealthCheckPolicy {
  const { http, grpc } = given;
  const times = {
    intervalMs: given.interval,
    timeoutMs: given.timeout,
    unhealthyThreshold: given.unhealthyThreshold,
    healthyThreshold: given.healthyThreshold,
  };
  if (http !== undefined) return { check: { kind: 'http', ...http }, ...times };
  if (grpc !== undefined) return { check: { kind: 'grpc', ...grpc }, ...times };
  return { check: { kind: 'tcp' }, ...times };
}
