import { z } from 'zod';
import {
  DEFAULT_ACTIVE_REQUEST_BIAS,
  DEFAULT_CHOICE_COUNT,
  DEFAULT_SLOW_START,
  DEFAULT_TRAFFIC_POLICY,
  type HashSource,
  isPrime,
  type LoadBalancing,
  MAGLEV_TABLE_SIZE,
  RING_SIZE,
  type SlowStart,
  type TrafficPolicy,
} from '../../federation/model/traffic-policy.ts';
import { connectionPool, toConnectionPool } from './connection-pool-schema.ts';
import { duration } from './duration.ts';
import { faultInjection, toFaultInjection } from './fault-injection-schema.ts';
import { metadata, targetRefs, targetServices } from './metadata.ts';
import { rateLimits, toRateLimits } from './rate-limits-schema.ts';
import { retries, timeouts, toRetries, toTimeouts } from './request-policy-schema.ts';
import { toUpstreamTls, upstreamTls } from './upstream-tls-schema.ts';

/** RFC 9110 section 5.6.2: what fields and cookies are called. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Gateways take these from every request, or make something else of them. */
const NOT_SEEN =
  /^(?:isthmus[-_].*|x[-_]forwarded[-_]client[-_]cert|host|connection|keep-alive|te|upgrade)$/i;

const cookie = z.strictObject({
  name: z.string().regex(TOKEN, 'is not the name of a cookie'),
  ttl: duration.optional(),
  path: z
    .string()
    .regex(/^\/[!-:<-~]{0,255}$/, 'is not a path that begins with /')
    .default('/'),
});

const hashOn = z
  .strictObject({
    header: z
      .string()
      .regex(TOKEN, 'is not the name of a header')
      .refine((name) => !NOT_SEEN.test(name), 'is a header that says nothing of the client here')
      .optional(),
    cookie: cookie.optional(),
    sourceAddress: z.literal(true, 'can only be true').optional(),
  })
  .refine(
    ({ header, cookie: given, sourceAddress }) =>
      [header, given, sourceAddress].filter((one) => one !== undefined).length === 1,
    'needs exactly one of header, cookie and sourceAddress',
  );

const slowStart = z.strictObject({
  window: duration
    .refine((windowMs) => windowMs > 0, 'must be longer than 0')
    .default(DEFAULT_SLOW_START.windowMs),
  minWeightPercent: z.number().min(1).max(100).default(DEFAULT_SLOW_START.minWeightPercent),
  aggression: z.number().min(0.01).max(100).default(DEFAULT_SLOW_START.aggression),
});

const leastRequest = z.strictObject({
  choiceCount: z.int().min(2).max(64).default(DEFAULT_CHOICE_COUNT),
  activeRequestBias: z.number().min(0).max(100).default(DEFAULT_ACTIVE_REQUEST_BIAS),
});

const ringHash = z
  .strictObject({
    minimumRingSize: z.int().min(1).max(RING_SIZE.atMost).default(RING_SIZE.minimum),
    maximumRingSize: z.int().min(1).max(RING_SIZE.atMost).optional(),
  })
  .refine(({ minimumRingSize, maximumRingSize }) => minimumRingSize <= (maximumRingSize ?? Infinity), {
    message: 'is less than minimumRingSize',
    path: ['maximumRingSize'],
  });

const maglev = z.strictObject({
  tableSize: z
    .int()
    .min(MAGLEV_TABLE_SIZE.atLeast)
    .max(MAGLEV_TABLE_SIZE.atMost)
    .refine(isPrime, 'is not a prime number, such as 65537')
    .default(MAGLEV_TABLE_SIZE.default),
});

/** Which types have which part. */
const PARTS = {
  hashOn: ['RingHash', 'Maglev'],
  slowStart: ['PowerOfTwo', 'RoundRobin', 'Random', 'LeastRequest'],
  leastRequest: ['LeastRequest'],
  ringHash: ['RingHash'],
  maglev: ['Maglev'],
} as const satisfies Record<string, readonly string[]>;

const loadBalancing = z
  .strictObject({
    type: z
      .enum(['PowerOfTwo', 'RoundRobin', 'Random', 'LeastRequest', 'RingHash', 'Maglev'])
      .default('PowerOfTwo'),
    hashOn: hashOn.optional(),
    slowStart: slowStart.optional(),
    leastRequest: leastRequest.optional(),
    ringHash: ringHash.optional(),
    maglev: maglev.optional(),
  })
  .superRefine((value, context) => {
    for (const [part, types] of Object.entries(PARTS)) {
      const given = value[part as keyof typeof PARTS] !== undefined;
      if (!given || (types as readonly string[]).includes(value.type)) continue;
      context.addIssue({ code: 'custom', path: [part], message: `is only for ${types.join(', ')}` });
    }
    if (value.hashOn === undefined && (value.type === 'RingHash' || value.type === 'Maglev')) {
      context.addIssue({ code: 'custom', message: `${value.type} needs hashOn` });
    }
  });

/** `isthmus.io/v1alpha1` TrafficPolicy. Each part of the spec is optional, and holds its defaults where it is left out. */
export const trafficPolicySchema = z.object({
  kind: z.literal('TrafficPolicy'),
  metadata,
  spec: z.strictObject({
    targetRefs,
    loadBalancing: loadBalancing.optional(),
    upstreamTls: upstreamTls.optional(),
    connectionPool: connectionPool.optional(),
    timeouts: timeouts.optional(),
    retries: retries.optional(),
    rateLimits: rateLimits.optional(),
    faultInjection: faultInjection.optional(),
  }),
});

export type TrafficPolicyObject = z.infer<typeof trafficPolicySchema>;

export function toTrafficPolicy(object: TrafficPolicyObject): TrafficPolicy {
  const { metadata: meta, spec } = object;
  return {
    name: meta.name,
    namespace: meta.namespace,
    targets: targetServices(meta.namespace, spec.targetRefs),
    loadBalancing:
      spec.loadBalancing === undefined
        ? DEFAULT_TRAFFIC_POLICY.loadBalancing
        : toLoadBalancing(spec.loadBalancing),
    upstreamTls: spec.upstreamTls === undefined ? undefined : toUpstreamTls(spec.upstreamTls),
    connectionPool: spec.connectionPool === undefined ? undefined : toConnectionPool(spec.connectionPool),
    timeouts: spec.timeouts === undefined ? undefined : toTimeouts(spec.timeouts),
    retries: spec.retries === undefined ? undefined : toRetries(spec.retries),
    rateLimits: spec.rateLimits === undefined ? undefined : toRateLimits(spec.rateLimits),
    faultInjection: spec.faultInjection === undefined ? undefined : toFaultInjection(spec.faultInjection),
  };
}

function toLoadBalancing(given: z.infer<typeof loadBalancing>): LoadBalancing {
  const warming = given.slowStart === undefined ? undefined : toSlowStart(given.slowStart);
  switch (given.type) {
    case 'PowerOfTwo':
      return { kind: 'power-of-two', slowStart: warming };
    case 'RoundRobin':
      return { kind: 'round-robin', slowStart: warming };
    case 'Random':
      return { kind: 'random', slowStart: warming };
    case 'LeastRequest':
      return { kind: 'least-request', ...leastRequest.parse(given.leastRequest ?? {}), slowStart: warming };
    case 'RingHash': {
      const { minimumRingSize, maximumRingSize } = ringHash.parse(given.ringHash ?? {});
      const maximum = maximumRingSize ?? Math.max(minimumRingSize, RING_SIZE.maximum);
      return {
        kind: 'ring-hash',
        hashOn: toHashSource(given.hashOn),
        minimumRingSize,
        maximumRingSize: maximum,
      };
    }
    case 'Maglev':
      return { kind: 'maglev', hashOn: toHashSource(given.hashOn), ...maglev.parse(given.maglev ?? {}) };
  }
}

function toSlowStart({ window, ...rest }: z.infer<typeof slowStart>): SlowStart {
  return { windowMs: window, ...rest };
}

/** The schema has seen to it that there is one. */
function toHashSource(given: z.infer<typeof hashOn> | undefined): HashSource {
  if (given?.header !== undefined) return { kind: 'header', name: given.header.toLowerCase() };
  if (given?.cookie === undefined) return { kind: 'source-address' };
  const { name, ttl, path } = given.cookie;
  return { kind: 'cookie', name, path, ttlMs: ttl };
}
