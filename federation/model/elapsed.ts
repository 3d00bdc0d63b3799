/** A length of time in the unit that suits it, e.g. `0.5 s`, `12 min`, `24 h`, `90 days`. */
export function elapsed(durationMs: number): string {
  const seconds = Math.abs(durationMs) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
