import { z } from 'zod';
import {
  MAX_RATE_LIMITS,
  RATE_LIMIT_BOUNDS,
  type RateLimit,
  type RateLimitScope,
} from '../../federation/model/rate-limit.ts';
import { duration, durationFromTo } from './duration.ts';

const [minIntervalMs, maxIntervalMs] = RATE_LIMIT_BOUNDS.intervalMs;

const rateLimit = z.strictObject({
  per: z
    .enum(['Service', 'Caller', 'Route', 'RouteAndCaller'])
    .default('Service')
    .describe(
      'One bucket for all requests of the service; one for each caller, by SPIFFE ID, else by address; one for each ' +
        'rule of HTTPRoutes and GRPCRoutes by which requests come; or one for each pair of rule and caller.',
    ),
  requests: z
    .int()
    .min(RATE_LIMIT_BOUNDS.requests[0])
    .max(RATE_LIMIT_BOUNDS.requests[1])
    .describe('How many requests an interval lets through, of one gateway pod.'),
  interval: duration
    .refine(...durationFromTo(minIntervalMs, maxIntervalMs))
    .default(1000)
    .describe('The time in which so many come back, evenly, e.g. 1s or 1m.'),
  burst: z
    .int()
    .min(RATE_LIMIT_BOUNDS.burst[0])
    .max(RATE_LIMIT_BOUNDS.burst[1])
    .optional()
    .describe('How many may come at once after a silence; as many as requests where it is left out.'),
});

export const rateLimits = z
  .array(rateLimit)
  .min(1)
  .max(MAX_RATE_LIMITS)
  .describe(
    'Token buckets of each gateway pod. A request that finds one of them empty is answered with 429.',
  );

const SCOPES = {
  Service: 'service',
  Caller: 'caller',
  Route: 'route',
  RouteAndCaller: 'route-and-caller',
} as const satisfies Record<string, RateLimitScope>;

export function toRateLimits(given: z.infer<typeof rateLimits>): readonly RateLimit[] {
  return given.map(({ per, requests, interval, burst }) => ({
    per: SCOPES[per],
    requests,
    intervalMs: interval,
    burst: burst ?? requests,
  }));
}
