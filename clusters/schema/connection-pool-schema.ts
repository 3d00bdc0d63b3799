import { z } from 'zod';
import { CONNECTION_POOL_BOUNDS, type ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import { duration } from './duration.ts';

const count = (name: keyof ConnectionPoolPolicy) => {
  const [min, max] = CONNECTION_POOL_BOUNDS[name];
  return z.int().min(min).max(max).optional();
};

const [minConnectMs, maxConnectMs] = CONNECTION_POOL_BOUNDS.connectTimeoutMs;
const [minIdleMs, maxIdleMs] = CONNECTION_POOL_BOUNDS.idleTimeoutMs;

/** Names are Envoy's (circuit breakers) and Istio's (connectionPool), without their groups by protocol. */
export const connectionPool = z.strictObject({
  maxConnections: count('maxConnections'),
  maxPendingRequests: count('maxPendingRequests'),
  maxRequests: count('maxRequests'),
  maxRequestsPerConnection: count('maxRequestsPerConnection'),
  connectTimeout: duration
    .refine((ms) => ms >= minConnectMs && ms <= maxConnectMs, 'must be from 10ms to 5m')
    .optional(),
  idleTimeout: duration
    .refine((ms) => ms >= minIdleMs && ms <= maxIdleMs, 'must be from 1s to 24h')
    .optional(),
});

export function toConnectionPool(given: z.infer<typeof connectionPool>): ConnectionPoolPolicy {
  return {
    maxConnections: given.maxConnections,
    maxPendingRequests: given.maxPendingRequests,
    maxRequests: given.maxRequests,
    maxRequestsPerConnection: given.maxRequestsPerConnection,
    connectTimeoutMs: given.connectTimeout,
    idleTimeoutMs: given.idleTimeout,
  };
}
