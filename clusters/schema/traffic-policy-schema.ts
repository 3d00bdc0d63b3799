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
import { boundedTime, duration } from './duration.ts';
import { faultInjection, toFaultInjection } from './fault-injection-schema.ts';
import { exactlyOneOf, inCel } from './kubernetes-rule.ts';
import { targetRefs, targetServices, versionedMetadata } from './metadata.ts';
import { notTooLong } from './policy-length.ts';
import { rateLimits, toRateLimits } from './rate-limits-schema.ts';
import { retries, timeouts, toRetries, toTimeouts } from './request-policy-schema.ts';
import { toUpstreamTls, upstreamTls } from './upstream-tls-schema.ts';

/** RFC 9110 section 5.6.2: what fields and cookies are called. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Gateways take these from every request, or make something else of them. */
const NOT_SEEN =
  /^(?:isthmus[-_].*|x[-_]forwarded[-_]client[-_]cert|host|connection|keep-alive|te|upgrade)$/i;

const cookie = z.strictObject({
  name: z
    .string()
    .regex(TOKEN, 'is not the name of a cookie')
    .meta({ description: 'Name of the cookie, such as `session`.', maxLength: 128 }),
  ttl: duration
    .refine(...boundedTime())
    .optional()
    .describe(
      'A client without the cookie is given one that lives as long, such as `1h`; `0s` is its session. Without it ' +
        'none is given.',
    ),
  path: z
    .string()
    .regex(/^\/[!-:<-~]{0,255}$/, 'is not a path that begins with /')
    .default('/')
    .meta({ description: 'Path for which the cookie that is given is valid, such as `/`.', maxLength: 256 }),
});

const hashOn = z
  .strictObject({
    header: z
      .string()
      .regex(TOKEN, 'is not the name of a header')
      .refine((name) => !NOT_SEEN.test(name), {
        message: 'is a header that says nothing of the client here',
        ...inCel(`!self.matches('(?i)${NOT_SEEN.source}')`),
      })
      .optional()
      .meta({
        description: 'Name of a header of which the first is hashed, such as `x-user`.',
        maxLength: 128,
      }),
    cookie: cookie.optional().describe('The cookie that is hashed.'),
    sourceAddress: z
      .literal(true, 'can only be true')
      .optional()
      .describe('Hashes the IP address of the client, without its port. Write it as `true`.'),
  })
  .refine(...exactlyOneOf('header', 'cookie', 'sourceAddress'));

const slowStart = z.strictObject({
  window: duration
    .refine((windowMs) => windowMs > 0, {
      message: 'must be longer than 0',
      ...inCel("duration(self) > duration('0s')"),
    })
    .refine(...boundedTime())
    .default(DEFAULT_SLOW_START.windowMs)
    .describe('Time in which a new endpoint comes to its whole weight, such as `30s`.'),
  minWeightPercent: z
    .number()
    .min(1)
    .max(100)
    .default(DEFAULT_SLOW_START.minWeightPercent)
    .describe('What it begins with, in percent of its weight from 1 to 100.'),
  aggression: z
    .number()
    .min(0.01)
    .max(100)
    .default(DEFAULT_SLOW_START.aggression)
    .describe('How its weight grows, from 0.01 to 100: 1 evenly, more faster at the beginning.'),
});

const leastRequest = z.strictObject({
  choiceCount: z
    .int()
    .min(2)
    .max(64)
    .default(DEFAULT_CHOICE_COUNT)
    .describe('Endpoints that are looked at for a request, from 2 to 64.'),
  activeRequestBias: z
    .number()
    .min(0)
    .max(100)
    .default(DEFAULT_ACTIVE_REQUEST_BIAS)
    .describe(
      'How much requests under way count where weights differ, from 0 (not at all) to 100, such as `1`.',
    ),
});

const ringHash = z
  .strictObject({
    minimumRingSize: z
      .int()
      .min(1)
      .max(RING_SIZE.atMost)
      .default(RING_SIZE.minimum)
      .describe('Fewest entries of the ring, all endpoints of a locality together, such as `1024`.'),
    maximumRingSize: z
      .int()
      .min(1)
      .max(RING_SIZE.atMost)
      .optional()
      .describe('Most entries of the ring, such as `65536`, which take a worker 20 to 50 ms to build.'),
  })
  .refine(({ minimumRingSize, maximumRingSize }) => minimumRingSize <= (maximumRingSize ?? Infinity), {
    message: 'is less than minimumRingSize',
    path: ['maximumRingSize'],
    ...inCel('!has(self.maximumRingSize) || self.minimumRingSize <= self.maximumRingSize'),
  });

/** Trial division, as `isPrime`, by all primes up to the square root of the largest size. */
const PRIME_TABLE_SIZE = `[${Array.from(
  { length: Math.floor(Math.sqrt(MAGLEV_TABLE_SIZE.atMost)) },
  (_, index) => index + 1,
)
  .filter(isPrime)
  .join(', ')}].all(prime, self == prime || self % prime != 0)`;

const maglev = z.strictObject({
  tableSize: z
    .int()
    .min(MAGLEV_TABLE_SIZE.atLeast)
    .max(MAGLEV_TABLE_SIZE.atMost)
    .refine(isPrime, { message: 'is not a prime number, such as 65537', ...inCel(PRIME_TABLE_SIZE) })
    .default(MAGLEV_TABLE_SIZE.default)
    .describe(
      'Slots of the table: a prime from 101 to 5000011, a hundred times the number of endpoints or more, such as `65537`.',
    ),
});

/** Which types have which part. */
const PARTS = {
  hashOn: ['RingHash', 'Maglev'],
  slowStart: ['PowerOfTwo', 'RoundRobin', 'Random', 'LeastRequest'],
  leastRequest: ['LeastRequest'],
  ringHash: ['RingHash'],
  maglev: ['Maglev'],
} as const satisfies Record<string, readonly string[]>;

/** For a `refine`: the part is only there beside a type that has it. */
function onlyFor(
  part: keyof typeof PARTS,
): [
  check: (value: object) => boolean,
  params: ReturnType<typeof inCel> & { message: string; path: [string] },
] {
  const types: readonly unknown[] = PARTS[part];
  const check = (value: object): boolean =>
    Reflect.get(value, part) === undefined || types.includes(Reflect.get(value, 'type'));
  const cel = `!has(self.${part}) || self.type in ${JSON.stringify(types)}`;
  return [check, { path: [part], message: `is only for ${types.join(', ')}`, ...inCel(cel) }];
}

const loadBalancing = z
  .strictObject({
    type: z
      .enum(['PowerOfTwo', 'RoundRobin', 'Random', 'LeastRequest', 'RingHash', 'Maglev'])
      .default('PowerOfTwo')
      .describe('How a gateway chooses among the equally fit endpoints of a locality.'),
    hashOn: hashOn
      .optional()
      .describe(
        'What of a request is hashed; for `RingHash` and `Maglev`, which need it. Exactly one of its fields.',
      ),
    slowStart: slowStart
      .optional()
      .describe('Lets a new endpoint begin with a part of its weight. Not for `RingHash` and `Maglev`.'),
    leastRequest: leastRequest.optional().describe('Settings of `LeastRequest`.'),
    ringHash: ringHash.optional().describe('Settings of `RingHash`.'),
    maglev: maglev.optional().describe('Settings of `Maglev`.'),
  })
  .refine(...onlyFor('hashOn'))
  .refine(...onlyFor('slowStart'))
  .refine(...onlyFor('leastRequest'))
  .refine(...onlyFor('ringHash'))
  .refine(...onlyFor('maglev'))
  .refine((value) => value.type !== 'RingHash' || value.hashOn !== undefined, {
    message: 'RingHash needs hashOn',
    ...inCel("self.type != 'RingHash' || has(self.hashOn)"),
  })
  .refine((value) => value.type !== 'Maglev' || value.hashOn !== undefined, {
    message: 'Maglev needs hashOn',
    ...inCel("self.type != 'Maglev' || has(self.hashOn)"),
  });

const policy = z
  .object({
    kind: z.literal('TrafficPolicy'),
    metadata: versionedMetadata,
    spec: z
      .strictObject({
        targetRefs,
        loadBalancing: loadBalancing
          .optional()
          .describe('How an endpoint is chosen. Without it `PowerOfTwo`.'),
        upstreamTls: upstreamTls
          .optional()
          .describe('How gateways speak TLS to the pods of this cluster. Without it they speak plaintext.'),
        connectionPool: connectionPool
          .optional()
          .describe('Bounds of the connections to the pods of this cluster, for each endpoint and worker.'),
        timeouts: timeouts.optional(),
        retries: retries.optional(),
        rateLimits: rateLimits.optional(),
        faultInjection: faultInjection.optional(),
      })
      .describe('How requests go to the endpoints of the targets once their cluster is chosen.'),
  })
  .describe('TrafficPolicy says how requests go to the endpoints of a service.');

export type TrafficPolicyObject = z.infer<typeof policy>;

/** `isthmus.io/v1alpha1` TrafficPolicy. Each part of the spec is optional, and holds its defaults where it is left out. */
export const trafficPolicySchema = policy.refine(...notTooLong(toTrafficPolicy));

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
