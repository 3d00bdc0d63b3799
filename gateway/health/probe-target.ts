import type { HealthCheckPolicy } from '../../federation/model/policy.ts';
import type { UpstreamPlan } from '../routing/upstream-plan.ts';

/** Where a check goes, and how requests go there. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly upstream: UpstreamPlan;
}

/** Checks once; never rejects. What does not answer in time has failed. */
export type Probe = (target: ProbeTarget, policy: HealthCheckPolicy) => Promise<boolean>;
