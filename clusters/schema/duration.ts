import { z } from 'zod';

const SHAPE = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const PART = /([0-9]+)(ms|h|m|s)/g;
const EXPECTED = 'is not a duration such as 30s, 500ms or 1h15m';
/** Largest first. */
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const MAX_AMOUNT = 99_999;

/** A duration as the Gateway API writes it (GEP-2257), e.g. `30s` or `1h15m`, in milliseconds. */
export const duration = z.codec(z.string(EXPECTED).regex(SHAPE, EXPECTED), z.number(), {
  decode: readDuration,
  encode: printDuration,
});

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
