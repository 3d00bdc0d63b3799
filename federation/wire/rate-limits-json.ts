import {
  MAX_RATE_LIMITS,
  RATE_LIMIT_BOUNDS,
  RATE_LIMIT_SCOPES,
  type RateLimit,
  type RateLimitScope,
} from '../model/rate-limit.ts';
import { listOf } from './field-checks.ts';
import { array, type Fields, object, oneOf, whole } from './json-fields.ts';

/** @throws WireError */
export function rateLimitsFromJson(value: unknown): readonly RateLimit[] {
  return listOf('', array('', value), MAX_RATE_LIMITS, rateLimit);
}

function rateLimit(value: unknown): RateLimit {
  const fields = object('', value, ['per', 'requests', 'intervalMs', 'burst']);
  return {
    per: oneOf<RateLimitScope>(fields, 'per', RATE_LIMIT_SCOPES),
    requests: bounded(fields, 'requests'),
    intervalMs: bounded(fields, 'intervalMs'),
    burst: bounded(fields, 'burst'),
  };
}

function bounded(fields: Fields, name: keyof typeof RATE_LIMIT_BOUNDS): number {
  const [min, max] = RATE_LIMIT_BOUNDS[name];
  return whole(fields, name, min, max);
}
