import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newEndpointRuntime } from './endpoint-runtime.ts';
import { expectedCost, observeLatency } from './peak-ewma.ts';

describe('peak EWMA', () => {
  it('takes a peak at once and forgets it by time', () => {
    const runtime = newEndpointRuntime('unchecked');
    observeLatency(runtime, 0, 'success', 10);
    assert.equal(runtime.latencyMs, 10);
    observeLatency(runtime, 100, 'success', 200);
    assert.equal(runtime.latencyMs, 200);
    observeLatency(runtime, 200, 'success', 10);
    assert.ok(runtime.latencyMs > 190 && runtime.latencyMs < 200);
    observeLatency(runtime, 60_000, 'success', 10);
    assert.ok(runtime.latencyMs < 11);
  });

  it('does not take a quick failure for a quick answer', () => {
    const runtime = newEndpointRuntime('unchecked');
    observeLatency(runtime, 0, 'success', 10);
    observeLatency(runtime, 1, 'failure', 1);
    assert.ok(expectedCost(runtime, 1) >= 1000);
  });

  it('costs by what is in flight, less while nothing is heard', () => {
    const runtime = newEndpointRuntime('unchecked');
    observeLatency(runtime, 0, 'success', 10);
    runtime.inFlight = 3;
    assert.equal(expectedCost(runtime, 0), 40);
    assert.ok(expectedCost(runtime, 5000) < 40);
    assert.equal(expectedCost(runtime, -5000), 40, 'a clock that goes back changes nothing');
  });

  it('gives an endpoint without an answer one request at a time', () => {
    const runtime = newEndpointRuntime('unchecked');
    assert.equal(expectedCost(runtime, 0), 0);
    runtime.inFlight = 1;
    assert.ok(expectedCost(runtime, 0) >= 1000);
  });
});
