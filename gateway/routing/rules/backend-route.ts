import type { Route } from '../route.ts';
import type { RouteTable } from '../route-table.ts';
import type { CompiledBackend } from './compiled-rule.ts';

/**
 * What a backend is in this table; undefined where neither the clusterset nor, for a Service, this cluster has it, or where it
 * has no such port that speaks HTTP, or HTTP/2 for a GRPCRoute.
 */
export function backendRoute<Telemetry>(
  table: RouteTable<Telemetry>,
  { service, port, isLocal, isRpc }: CompiledBackend,
): Route<Telemetry> | undefined {
  if (service === undefined) return undefined;
  const route = table.services.get(service)?.routes.find((one) => one.port.port === port);
  if (route === undefined || (route.backendOnly && !isLocal)) return undefined;
  const { protocol } = route.port;
  return protocol === 'http2' || (protocol === 'http' && !isRpc) ? route : undefined;
}
