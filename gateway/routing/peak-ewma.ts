import type { EndpointRuntime, Outcome } from './endpoint-runtime.ts';

/** How fast old latencies are forgotten. */
const DECAY_MS = 10_000;

/** What an endpoint without any answer yet is taken to need: it gets one request at a time until it has answered. */
const UNKNOWN_LATENCY_MS = 1000;

/** A quick failure must not look like a quick endpoint. */
const FAILURE_LATENCY_MS = 1000;

/** Takes a latency into the average: a higher one at once (the peak), a lower one by how long ago the last was. */
export function observeLatency(
  runtime: EndpointRuntime,
  nowMs: number,
  outcome: Exclude<Outcome, 'unknown'>,
  latencyMs: number,
): void {
  const sample = outcome === 'failure' ? Math.max(latencyMs, FAILURE_LATENCY_MS) : latencyMs;
  const known = runtime.latencyMs;
  if (known === 0 || sample >= known) {
    runtime.latencyMs = sample;
  } else {
    const kept = Math.exp(-Math.max(0, nowMs - runtime.sampledAtMs) / DECAY_MS);
    runtime.latencyMs = known * kept + sample * (1 - kept);
  }
  runtime.sampledAtMs = nowMs;
}

/**
 * What one more request to it would cost: requests in flight times peak EWMA latency. It falls while nothing is
 * sent, so that an endpoint which was slow once is tried again.
 * @param capacity what it can take beside others: one of 2 is as busy with two requests as one of 1 with one
 */
export function expectedCost(runtime: EndpointRuntime, nowMs: number, capacity = 1): number {
  const busy = runtime.inFlight / capacity;
  if (runtime.latencyMs === 0) return busy * UNKNOWN_LATENCY_MS;
  const age = nowMs - runtime.sampledAtMs;
  const latencyMs = age > 0 ? runtime.latencyMs * Math.exp(-age / DECAY_MS) : runtime.latencyMs;
  return (busy + 1) * latencyMs;
}
