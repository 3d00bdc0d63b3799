import type { Route } from '../route.ts';
import type { RouteTable } from '../route-table.ts';
import type { CompiledBackend } from './compiled-rule.ts';

/**
 * What a backend is in this table: this cluster's own Service where it keeps one of that name to itself, whoever offers another
 * (GEP-1748: a Service is the cluster's, a ServiceImport the clusterset's). Undefined where neither the clusterset nor, for a Service, this cluster has it, or where it
 * has no such port that speaks HTTP, or HTTP/2 for a GRPCRoute.
 */
export function backendRoute<Telemetry>(
  table: RouteTable<Telemetry>,
  { service, own, port, isRpc }: CompiledBackend,
): Route<Telemetry> | undefined {
  if (service === undefined) return undefined;
  const kept = own === undefined ? undefined : table.services.get(own);
  const route = (kept ?? table.services.get(service))?.routes.find((one) => one.port.port === port);
  if (route === undefined) return undefined;
  const { protocol } = route.port;
  return protocol === 'http2' || (protocol === 'http' && !isRpc) ? route : undefined;
}
