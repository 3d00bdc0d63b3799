import type { HealthCheckPolicy } from '../../federation/model/policy.ts';
import type { PortProtocol } from '../../federation/model/service.ts';

/** Where a check goes. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/** Checks once; never rejects. What does not answer in time has failed. */
export type Probe = (
  target: ProbeTarget,
  protocol: PortProtocol,
  policy: HealthCheckPolicy,
) => Promise<boolean>;
