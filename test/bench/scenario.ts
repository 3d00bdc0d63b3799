/** What is measured: how clients and the backend speak. Trunks are always HTTP/2 over mTLS. */
export type ScenarioName = 'h2' | 'h1';

/** What answers behind west: the same nginx for all engines. */
export interface Backend {
  readonly http1Port: number;
  readonly http2Port: number;
}

export const SCENARIO_NAMES: readonly ScenarioName[] = ['h2', 'h1'];

/** Every engine answers to this name; only Isthmus routes by it. */
export const AUTHORITY = 'payments.shop.svc.clusterset.local';

export function backendPort(scenario: ScenarioName, backend: Backend): number {
  return scenario === 'h2' ? backend.http2Port : backend.http1Port;
}
