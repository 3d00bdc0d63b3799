import { CONNECTION_POOL_BOUNDS, type ConnectionPoolPolicy } from '../model/connection-pool.ts';
import { WireError } from './field-checks.ts';
import { type Fields, openObject, optionalNumber } from './json-fields.ts';

/** @throws WireError */
export function connectionPoolFromJson(value: unknown): ConnectionPoolPolicy {
  const fields = openObject('', value, Object.keys(CONNECTION_POOL_BOUNDS));
  return {
    maxConnections: bounded(fields, 'maxConnections'),
    maxPendingRequests: bounded(fields, 'maxPendingRequests'),
    maxRequests: bounded(fields, 'maxRequests'),
    maxRequestsPerConnection: bounded(fields, 'maxRequestsPerConnection'),
    connectTimeoutMs: bounded(fields, 'connectTimeoutMs'),
    idleTimeoutMs: bounded(fields, 'idleTimeoutMs'),
  };
}

function bounded(fields: Fields, name: keyof ConnectionPoolPolicy): number | undefined {
  const [min, max] = CONNECTION_POOL_BOUNDS[name];
  const value = optionalNumber(fields, name, min, max);
  if (value !== undefined && !Number.isInteger(value)) {
    throw new WireError(`${name}: ${value} is not a whole number`);
  }
  return value;
}
