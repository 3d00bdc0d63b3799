import type { Route } from '../route.ts';
import type { RouteTable } from '../route-table.ts';
import type { CompiledBackend } from './compiled-rule.ts';

/** What a backend is in this table; undefined where the clusterset has no such service, or no such port that speaks HTTP. */
export function backendRoute<Telemetry>(
  table: RouteTable<Telemetry>,
  { service, port }: CompiledBackend,
): Route<Telemetry> | undefined {
  if (service === undefined) return undefined;
  const routes = table.services.get(service)?.routes;
  return routes?.find((route) => route.port.port === port && route.port.protocol !== 'tcp');
}
