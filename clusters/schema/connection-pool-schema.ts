import { z } from 'zod';
import { CONNECTION_POOL_BOUNDS, type ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import { duration, durationFromTo } from './duration.ts';

const count = (name: keyof ConnectionPoolPolicy, description: string) => {
  const [min, max] = CONNECTION_POOL_BOUNDS[name];
  return z.int().min(min).max(max).optional().describe(description);
};

const [minConnectMs, maxConnectMs] = CONNECTION_POOL_BOUNDS.connectTimeoutMs;
const [minIdleMs, maxIdleMs] = CONNECTION_POOL_BOUNDS.idleTimeoutMs;

/** Names are Envoy's (circuit breakers) and Istio's (connectionPool), without their groups by protocol. */
export const connectionPool = z.strictObject({
  maxConnections: count(
    'maxConnections',
    'Most connections to one endpoint from one worker of a gateway, such as `100`. On opaque TCP ports more are ' +
      'refused; elsewhere requests wait. Without it 1024, for HTTP/2 4, for TCP no bound.',
  ),
  maxPendingRequests: count(
    'maxPendingRequests',
    'Most requests that wait for a connection to one endpoint, such as `200`. Without it 1024, for HTTP/2 4096.',
  ),
  maxRequests: count(
    'maxRequests',
    'Most requests under way to one endpoint, those that wait included, such as `500`. Without it no bound.',
  ),
  maxRequestsPerConnection: count(
    'maxRequestsPerConnection',
    'Requests of a connection after which it is replaced, such as `10000`; what it serves is served to its end. ' +
      'Without it no bound.',
  ),
  connectTimeout: duration
    .refine(...durationFromTo(minConnectMs, maxConnectMs))
    .optional()
    .describe('Time for TCP and TLS to an endpoint together, from `10ms` to `5m`. Without it 2s.'),
  idleTimeout: duration
    .refine(...durationFromTo(minIdleMs, maxIdleMs))
    .optional()
    .describe(
      'Time without a request after which a connection is closed, from `1s` to `24h`. Without it 4s, for HTTP/2 5m.',
    ),
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
