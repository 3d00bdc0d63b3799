import { z } from 'zod';
import { POLICY_BOUNDS } from '../../federation/model/policy.ts';
import { inCel } from './kubernetes-rule.ts';

const SHAPE = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const PART = /([0-9]+)(ms|h|m|s)/g;
const EXPECTED = 'is not a duration such as 30s, 500ms or 1h15m';
/** Largest first. */
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const MAX_AMOUNT = 99_999;
/** Four parts of five digits and `ms`. */
const MAX_LENGTH = 28;

/** A duration as the Gateway API writes it (GEP-2257), e.g. `30s` or `1h15m`, in milliseconds. */
export const duration = z.codec(
  z.string(EXPECTED).regex(SHAPE, EXPECTED).meta({ maxLength: MAX_LENGTH }),
  z.number(),
  {
    decode: readDuration,
    encode: printDuration,
  },
);

/** For a `refine` of a duration, both bounds included. */
export function durationFromTo(
  minMs: number,
  maxMs: number,
): [check: (ms: number) => boolean, params: ReturnType<typeof inCel> & { readonly message: string }] {
  const [min, max] = [printDuration(minMs), printDuration(maxMs)];
  const cel = `duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`;
  return [(ms) => ms >= minMs && ms <= maxMs, { message: `must be from ${min} to ${max}`, ...inCel(cel) }];
}

/** What is told of a duration that is longer than gateways take. */
export const TOO_LONG = `must be at most ${printDuration(POLICY_BOUNDS.longestMs)}`;

/** For a `refine` of a duration that has no tighter bound: what gateways take. */
export function boundedTime(): ReturnType<typeof durationFromTo> {
  const { longestMs } = POLICY_BOUNDS;
  const cel = `duration(self) <= duration('${printDuration(longestMs)}')`;
  return [(ms) => ms <= longestMs, { message: TOO_LONG, ...inCel(cel) }];
}

function readDuration(text: string): number {
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return totalMs;
}

/** Each part takes its unit's share, as much as five digits hold; four parts hold every duration that is read. */
function printDuration(totalMs: number): string {
  let restMs = totalMs;
  let text = '';
  for (const [unit, unitMs] of Object.entries(UNIT_MS)) {
    const amount = Math.min(MAX_AMOUNT, Math.floor(restMs / unitMs));
    restMs -= amount * unitMs;
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text === '' ? '0s' : text;
}
