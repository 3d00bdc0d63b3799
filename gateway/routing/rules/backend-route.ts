import type { Route } from '../route.ts';
import type { RouteTable } from '../route-table.ts';
import type { CompiledBackend } from './compiled-rule.ts';

/**
 * What a backend is in this table; undefined where neither the clusterset nor, for a Service, this cluster has it, or where it
 * has no such port that speaks HTTP.
 */
export function backendRoute<Telemetry>(
  table: RouteTable<Telemetry>,
  { service, port, isLocal }: CompiledBackend,
): Route<Telemetry> | undefined {
  if (service === undefined) return undefined;
  const routes = table.services.get(service)?.routes;
  return routes?.find(
    (route) => route.port.port === port && route.port.protocol !== 'tcp' && (isLocal || !route.backendOnly),
  );
}
