import { z } from 'zod';
import type { BalancingExplanation } from '../failover/balancing-explanation.ts';
import type { RouteExplanation } from '../failover/explanation.ts';

const count = z.number().min(0);
const percent = z.number().min(0);
const locality = z.object({ region: z.string(), zone: z.string() });

const policy = z.object({
  name: z.string(),
  overprovisioningPercent: percent,
  panicThresholdPercent: percent,
  staleAfterMs: count,
  failback: z.object({
    holdDownMs: count,
    minHealthyPercent: percent,
    steps: z.array(percent),
    intervalMs: count,
  }),
});

const hostCounts = { hosts: count, healthy: count, degraded: count, excluded: count };

const cluster = z.object({
  cluster: z.string(),
  local: z.boolean(),
  counted: z.boolean(),
  sharePercent: percent,
  standing: z.string(),
  reason: z.string(),
  ...hostCounts,
  offerAgeMs: count.nullable(),
  lastSeenAgeMs: count.nullable(),
  reach: z.string().nullable(),
  trunk: z.string().nullable(),
});

const group = z.object({
  cluster: z.string(),
  locality,
  ...hostCounts,
  weight: count,
  clusterWeight: count.nullable(),
  sharePercent: percent,
  finalPercent: percent,
});

const tier = z.object({
  tier: count,
  selector: z.string(),
  ...hostCounts,
  maxSharePercent: percent,
  capPercent: percent,
  healthyPercent: percent,
  degradedPercent: percent,
  panic: z.boolean(),
  loadPercent: percent,
  healthyLoadPercent: percent,
  degradedLoadPercent: percent,
  maxConcurrent: count.nullable(),
  groups: z.array(group),
});

const explanation: z.ZodType<RouteExplanation> = z.object({
  target: z.string(),
  atMs: count,
  source: z.object({ cluster: z.string(), locality }),
  supposed: z.object({ down: z.array(z.string()), from: locality.nullable() }),
  policy,
  clusters: z.array(cluster),
  tiers: z.array(tier),
  availablePercent: percent,
  uncappedPercent: percent,
  capsIgnored: z.boolean(),
  totalPanic: z.boolean(),
  failoverActive: z.boolean(),
  shares: z.array(z.object({ cluster: z.string(), percent })),
  decision: z.array(z.string()),
  changesAtMs: count.nullable(),
});

const balancing: z.ZodType<BalancingExplanation> = z.object({
  policy: z.string(),
  kind: z.string(),
  parameters: z.record(z.string(), z.number()),
  hashOn: z.object({ kind: z.string(), name: z.string().nullable(), ttlMs: count.nullable() }).nullable(),
  slowStart: z
    .object({ windowMs: count, minWeightPercent: percent, aggression: z.number().positive() })
    .nullable(),
  decision: z.array(z.string()),
  localities: z.array(
    z.object({
      locality,
      endpoints: count,
      healthy: count,
      degraded: count,
      tableSlots: count.nullable(),
      warming: z.array(z.object({ address: z.string(), weightPercent: percent, warmInMs: count })),
    }),
  ),
});

/** What a gateway's `/why` answers with status 200. Fields that a newer gateway adds are left out. */
export const whyAnswer = z.object({
  route: explanation,
  balancing,
  access: z.object({ allowed: z.boolean(), reason: z.string() }).nullable(),
  /** How the gateway's own pods are spoken to; older gateways do not say. */
  upstream: z.string().nullable().default(null),
  /** What is asked of each request beside its destination; older gateways do not say. */
  handling: z.array(z.string()).default([]),
  /** Which rule of the service's routes the request goes by; older gateways do not say. */
  rules: z.array(z.string()).default([]),
});

/** What it answers when it cannot tell. */
export const whyProblem = z.object({ error: z.string(), hint: z.string().optional() });

export type WhyAnswer = z.infer<typeof whyAnswer>;
