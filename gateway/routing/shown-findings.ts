import type { EndpointFinding } from '../../federation/wire/health-report.ts';
import type { RouteTable } from './route-table.ts';

/**
 * Makes a table that serves no requests itself look at the own endpoints as those do that serve: without it, what is
 * explained from it would take ejected endpoints for healthy ones, and checked ones for pending.
 * @param findings all there are; endpoints that are not among them are as the provider says
 * @param nowMs Unix ms: when an endpoint that is found well begins its slow start
 */
export function showFindings(table: RouteTable, findings: readonly EndpointFinding[], nowMs: number): void {
  const byService = Map.groupBy(findings, (finding) => finding.service);
  for (const { key, state } of table.routes()) {
    const ejected = new Set<string>();
    for (const finding of byService.get(key) ?? []) {
      if (finding.state === 'ejected') ejected.add(finding.address);
      // An ejection is told instead of the check's result; that it was found wanting is enough.
      const check = finding.state === 'ejected' ? 'healthy' : finding.state;
      state.pool.setCheck(finding.address, check, nowMs);
    }
    state.pool.showEjected(ejected);
  }
}
