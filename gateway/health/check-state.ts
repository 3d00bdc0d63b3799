import type { HealthCheckPolicy } from '../../federation/model/policy.ts';

/** What the active checks of one endpoint have shown. */
export type CheckedState =
  /** The first check has no result yet. */
  | { readonly kind: 'pending' }
  /** `failures` in a row since the last success. */
  | { readonly kind: 'healthy'; readonly failures: number }
  /** `successes` in a row since the last failure. */
  | { readonly kind: 'unhealthy'; readonly successes: number };

export const PENDING: CheckedState = { kind: 'pending' };

type Thresholds = Pick<HealthCheckPolicy, 'healthyThreshold' | 'unhealthyThreshold'>;

/** The first result decides at once; after it, a change needs as many results in a row as the policy says. */
export function afterCheck(state: CheckedState, passed: boolean, thresholds: Thresholds): CheckedState {
  switch (state.kind) {
    case 'pending':
      return passed ? { kind: 'healthy', failures: 0 } : { kind: 'unhealthy', successes: 0 };
    case 'healthy': {
      const failures = passed ? 0 : state.failures + 1;
      return failures >= thresholds.unhealthyThreshold
        ? { kind: 'unhealthy', successes: 0 }
        : { kind: 'healthy', failures };
    }
    case 'unhealthy': {
      const successes = passed ? state.successes + 1 : 0;
      return successes >= thresholds.healthyThreshold
        ? { kind: 'healthy', failures: 0 }
        : { kind: 'unhealthy', successes };
    }
  }
}
