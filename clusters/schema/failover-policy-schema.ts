import { z } from 'zod';
import {
  DEFAULT_FAILBACK,
  DEFAULT_FAILOVER_POLICY,
  DEFAULT_OUTLIER,
  type FailoverPolicy,
  type FailoverTier,
  type HealthCheckPolicy,
  type TierSelector,
} from '../../federation/model/policy.ts';
import { duration } from './duration.ts';
import { dnsLabel, metadata, placeName, targetRefs, targetServices } from './metadata.ts';

const percent = z.number().min(0).max(100);
const MAX_TIERS = 16;

const tier = z
  .strictObject({
    clusters: z
      .array(z.strictObject({ name: dnsLabel, weight: z.int().min(0).max(1000).default(1) }))
      .min(1)
      .max(100)
      .optional(),
    locality: z.enum(['SameZone', 'SameRegion', 'Any']).optional(),
    region: placeName.min(1).optional(),
    zone: placeName.min(1).optional(),
    maxShare: z.number().min(0).max(1).optional(),
    maxConcurrent: z.int().min(1).optional(),
  })
  .superRefine((value, context) => {
    const given = [value.clusters, value.locality, value.region].filter((one) => one !== undefined).length;
    if (given !== 1) {
      context.addIssue({ code: 'custom', message: 'needs exactly one of clusters, locality and region' });
    }
    if (value.zone !== undefined && value.region === undefined) {
      context.addIssue({ code: 'custom', path: ['zone'], message: 'needs its region' });
    }
  });

const failback = z.strictObject({
  holdDown: duration.default(DEFAULT_FAILBACK.holdDownMs),
  minHealthy: percent.default(DEFAULT_FAILBACK.minHealthyPercent),
  steps: z
    .array(z.number().gt(0).max(100))
    .min(1)
    .max(20)
    .refine(
      (steps) => steps.every((step, index) => index === 0 || step > (steps[index - 1] ?? 0)),
      'must ascend',
    )
    .refine((steps) => steps.length === 0 || steps.at(-1) === 100, 'must end with 100')
    .default([...DEFAULT_FAILBACK.steps]),
  interval: duration.default(DEFAULT_FAILBACK.intervalMs),
});

const outlierDetection = z.strictObject({
  consecutiveFailures: z.int().min(1).default(DEFAULT_OUTLIER.consecutiveFailures),
  sweepInterval: duration.default(DEFAULT_OUTLIER.sweepIntervalMs),
  baseEjection: duration.default(DEFAULT_OUTLIER.baseEjectionMs),
  maxEjection: duration.default(DEFAULT_OUTLIER.maxEjectionMs),
  maxEjectionPercent: percent.default(DEFAULT_OUTLIER.maxEjectionPercent),
});

const healthCheck = z
  .strictObject({
    http: z
      .strictObject({
        path: z.string().regex(/^\/[!-~]*$/, 'is not a path that begins with /'),
        expectedStatus: z.array(z.int().min(200).max(599)).min(1).default([200]),
      })
      .optional(),
    grpc: z.strictObject({ service: z.string().max(256).default('') }).optional(),
    tcp: z.strictObject({}).optional(),
    interval: duration.default(5_000),
    timeout: duration.default(1_000),
    unhealthyThreshold: z.int().min(1).max(100).default(2),
    healthyThreshold: z.int().min(1).max(100).default(2),
  })
  .refine((check) => [check.http, check.grpc, check.tcp].filter((one) => one !== undefined).length === 1, {
    message: 'needs exactly one of http, grpc and tcp',
  });

/** `isthmus.io/v1alpha1` FailoverPolicy. */
export const failoverPolicySchema = z.object({
  kind: z.literal('FailoverPolicy'),
  metadata,
  spec: z.strictObject({
    targetRefs,
    tiers: z.array(tier).min(1).max(MAX_TIERS, `has more than ${MAX_TIERS} tiers`).optional(),
    overprovisioningFactor: z.number().min(1).max(10).default(DEFAULT_FAILOVER_POLICY.overprovisioningFactor),
    panicThreshold: percent.default(DEFAULT_FAILOVER_POLICY.panicThresholdPercent),
    staleAfter: duration.default(DEFAULT_FAILOVER_POLICY.staleAfterMs),
    failback: failback.prefault({}),
    outlierDetection: outlierDetection.prefault({}),
    healthCheck: healthCheck.optional(),
  }),
});

export type FailoverPolicyObject = z.infer<typeof failoverPolicySchema>;

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
