import type { RouteTable } from '../routing/route-table.ts';
import type { CheckFinding } from './health-checker.ts';

/** Brings what the checks found to the endpoints of each port whose protocol was checked. */
export function applyFindings<Telemetry>(
  table: RouteTable<Telemetry>,
  findings: readonly CheckFinding[],
  nowMs: number,
): void {
  for (const { service, address, protocol, state } of findings) {
    for (const route of table.services.get(service)?.routes ?? []) {
      if (route.port.protocol === protocol) route.state.pool.setCheck(address, state, nowMs);
    }
  }
}
