import type { Sample } from './sample.ts';

const MAX_SHOWN = 120;

/** What an answer of the echo service is worth: whole, and by one of the known clusters, or a failure. */
export function judge(
  status: number,
  body: string,
  known: readonly string[],
): Pick<Sample, 'failure' | 'cluster'> {
  const shown = body.slice(0, MAX_SHOWN);
  if (status !== 200) return { failure: `status ${status}: ${shown}`, cluster: undefined };
  try {
    const { cluster } = (JSON.parse(body) ?? {}) as { cluster?: unknown };
    if (typeof cluster === 'string' && known.includes(cluster)) return { failure: undefined, cluster };
    return { failure: `the body names no cluster of the demo: ${shown}`, cluster: undefined };
  } catch {
    return { failure: `the body is not whole: ${shown}`, cluster: undefined };
  }
}
