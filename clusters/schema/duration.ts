import { z } from 'zod';

const SHAPE = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const PART = /([0-9]+)(ms|h|m|s)/g;
const EXPECTED = 'is not a duration such as 30s, 500ms or 1h15m';
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A duration as the Gateway API writes it (GEP-2257), e.g. `30s` or `1h15m`, in milliseconds. */
export const duration = z
  .string(EXPECTED)
  .regex(SHAPE, EXPECTED)
  .transform((text) => {
    let totalMs = 0;
    for (const [, amount, unit] of text.matchAll(PART))
      totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
    return totalMs;
  });
