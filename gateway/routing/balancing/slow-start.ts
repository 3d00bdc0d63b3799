import type { SlowStart } from '../../../federation/model/traffic-policy.ts';

/**
 * Which part of its weight an endpoint has (0 to 1): `max(minWeightPercent, (time / window) ^ (1 / aggression))`, as
 * Envoy has it.
 * @param fitSinceMs when it became usable, by the same clock as `nowMs`
 */
export function warmth(slowStart: SlowStart | undefined, fitSinceMs: number, nowMs: number): number {
  if (slowStart === undefined) return 1;
  const elapsed = nowMs - fitSinceMs;
  if (elapsed >= slowStart.windowMs) return 1;
  const grown = elapsed <= 0 ? 0 : (elapsed / slowStart.windowMs) ** (1 / slowStart.aggression);
  return Math.max(slowStart.minWeightPercent / 100, grown);
}
