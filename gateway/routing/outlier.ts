import type { OutlierPolicy } from '../../federation/model/policy.ts';
import type { Ejection } from './endpoint-runtime.ts';

/** What the decision looks at; an endpoint's runtime is one. */
export interface OutlierFacts {
  readonly consecutiveFailures: number;
  readonly ejection: Ejection;
}

/** By index in the list that was judged. */
export interface EjectionChange {
  readonly index: number;
  readonly ejection: Ejection;
}

/**
 * Who is put out and who comes back. At most `maxEjectionPercent` of the endpoints are out at once, but one may always
 * be. Each ejection lasts `baseEjectionMs` times how often it has happened of late.
 * @param sweep true for the periodic look, which also lets an endpoint's count of ejections fall while it does well
 */
export function decideEjections(
  nowMs: number,
  endpoints: readonly OutlierFacts[],
  policy: OutlierPolicy,
  sweep: boolean,
): readonly EjectionChange[] {
  const changes: EjectionChange[] = [];
  let out = 0;
  for (const [index, { ejection, consecutiveFailures }] of endpoints.entries()) {
    if (ejection.kind === 'ejected' && nowMs < ejection.untilMs) out++;
    else if (ejection.kind === 'ejected')
      changes.push({ index, ejection: { kind: 'in', count: ejection.count } });
    else if (sweep && ejection.count > 0 && consecutiveFailures === 0) {
      changes.push({ index, ejection: { kind: 'in', count: ejection.count - 1 } });
    }
  }
  const allowed = Math.max(1, Math.floor((endpoints.length * policy.maxEjectionPercent) / 100));
  for (const [index, { ejection, consecutiveFailures }] of endpoints.entries()) {
    if (out >= allowed) break;
    if (ejection.kind !== 'in' || !failsTooOften(consecutiveFailures, policy)) continue;
    changes.push({ index, ejection: ejected(nowMs, ejection.count + 1, policy) });
    out++;
  }
  return changes;
}

/** A limit of 0 turns ejection off. */
export function failsTooOften(consecutiveFailures: number, policy: OutlierPolicy): boolean {
  return policy.consecutiveFailures > 0 && consecutiveFailures >= policy.consecutiveFailures;
}

function ejected(nowMs: number, count: number, policy: OutlierPolicy): Ejection {
  const durationMs = Math.min(policy.maxEjectionMs, policy.baseEjectionMs * count);
  return { kind: 'ejected', count, untilMs: nowMs + durationMs };
}
