import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_OUTLIER } from '../../federation/model/policy.ts';
import { EndpointPool, type PooledEndpoint } from './endpoint-pool.ts';
import type { EndpointRuntime } from './endpoint-runtime.ts';
import { TroubledPools } from './troubled-pools.ts';

const UNCHECKED = { outlier: DEFAULT_OUTLIER, checked: false };
const CHECKED = { outlier: DEFAULT_OUTLIER, checked: true };

function serving(usableSinceMs: number, ...addresses: string[]): PooledEndpoint[] {
  return addresses.map((address) => ({ address, serving: true, usableSinceMs }));
}

function poolOf(...addresses: string[]) {
  const troubled = new TroubledPools();
  const pool = new EndpointPool('shop/payments', UNCHECKED, troubled);
  const runtimes = pool.update(serving(0, ...addresses), UNCHECKED);
  const at = (address: string): EndpointRuntime => {
    const runtime = runtimes[addresses.indexOf(address)];
    assert.ok(runtime !== undefined, address);
    return runtime;
  };
  const sweep = (nowMs: number) => [...troubled.sweep(nowMs, (one) => one === pool)];
  return { pool, at, troubled, sweep };
}

describe('endpoint pool', () => {
  it('keeps what is known of endpoints that stay, and forgets those that went', () => {
    const { pool, at } = poolOf('a:1', 'b:1');
    at('a:1').inFlight = 3;
    const kept = pool.update(serving(0, 'a:1', 'c:1'), UNCHECKED);
    assert.deepEqual(
      kept.map(({ inFlight }) => inFlight),
      [3, 0],
    );
    pool.setCheck('b:1', 'unhealthy', 0);
    assert.equal(at('b:1').check, 'unchecked', 'it was forgotten');
    assert.notEqual(pool.update(serving(0, 'b:1'), UNCHECKED)[0], at('b:1'));
  });

  it('knows the same of all that have one address', () => {
    const { pool, at } = poolOf('a:1', 'b:1');
    const [first, second] = pool.update(serving(0, 'a:1', 'a:1'), UNCHECKED);
    assert.deepEqual([first, second], [at('a:1'), at('a:1')]);
    assert.notEqual(pool.update(serving(0, 'a:1', 'b:1'), UNCHECKED)[1], at('b:1'), 'it was forgotten');
  });

  it('serves by an address that is ready in one place, and does not start slowly again for the others', () => {
    const { pool, at } = poolOf('a:1');
    const twice = (first: boolean, usableSinceMs: number): PooledEndpoint[] => [
      { address: 'a:1', serving: first, usableSinceMs },
      { address: 'a:1', serving: !first, usableSinceMs },
    ];
    for (const first of [false, true]) {
      pool.update(twice(first, 5000), UNCHECKED);
      assert.equal(at('a:1').serving, true);
      assert.equal(at('a:1').fitSinceMs, 0);
    }
    pool.update([{ address: 'a:1', serving: false, usableSinceMs: 6000 }], UNCHECKED);
    pool.update(twice(false, 7000), UNCHECKED);
    assert.equal(at('a:1').fitSinceMs, 7000);
  });

  it('begins with pending checks where the policy has a check', () => {
    const pool = new EndpointPool('shop/payments', CHECKED, new TroubledPools());
    assert.equal(pool.update(serving(0, 'a:1'), CHECKED)[0]?.check, 'pending');
    pool.setCheck('a:1', 'healthy', 0);
    assert.equal(pool.update(serving(0, 'a:1'), CHECKED)[0]?.check, 'healthy');
    assert.equal(pool.update(serving(0, 'a:1'), UNCHECKED)[0]?.check, 'unchecked');
  });

  it('knows since when an endpoint is usable: first seen, serving again, or checked well', () => {
    const { pool, at } = poolOf('a:1');
    const since = () => at('a:1').fitSinceMs;
    pool.update(serving(1000, 'a:1'), UNCHECKED);
    assert.equal(since(), 0, 'it stayed');
    pool.update([{ address: 'a:1', serving: false, usableSinceMs: 2000 }], UNCHECKED);
    pool.update(serving(3000, 'a:1'), UNCHECKED);
    assert.equal(since(), 3000);
    pool.update(serving(4000, 'a:1'), CHECKED);
    pool.setCheck('a:1', 'healthy', 5000);
    assert.equal(since(), 5000);
    pool.setCheck('a:1', 'unhealthy', 6000);
    pool.setCheck('a:1', 'healthy', 7000);
    pool.setCheck('a:1', 'healthy', 8000);
    assert.equal(since(), 7000);
  });

  it('is of another version when a check finds something new', () => {
    const { pool } = poolOf('a:1');
    const before = pool.version;
    pool.setCheck('a:1', 'unhealthy', 0);
    assert.notEqual(pool.version, before);
    const after = pool.version;
    pool.setCheck('a:1', 'unhealthy', 0);
    pool.setCheck('gone:1', 'unhealthy', 0);
    assert.equal(pool.version, after);
  });

  it('ejects an endpoint as soon as it has failed too often in a row', () => {
    const { pool, at } = poolOf('a:1', 'b:1');
    const failing = at('a:1');
    for (let failures = 1; failures <= 4; failures++) pool.finished(failing, 1000, 'failure', 5);
    pool.finished(failing, 1000, 'success', 5);
    for (let failures = 1; failures <= 4; failures++) pool.finished(failing, 1000, 'failure', 5);
    const before = pool.version;
    assert.equal(failing.ejection.kind, 'in');
    pool.finished(failing, 1000, 'failure', 5);
    assert.deepEqual(failing.ejection, { kind: 'ejected', count: 1, untilMs: 31_000 });
    assert.notEqual(pool.version, before);
    assert.equal(pool.ejections, 1);
  });

  it('learns nothing from a request that the client gave up', () => {
    const { pool, at } = poolOf('a:1');
    for (let requests = 0; requests < 10; requests++) pool.finished(at('a:1'), 1000, 'unknown', 5);
    assert.equal(at('a:1').consecutiveFailures, 0);
    assert.equal(at('a:1').latencyMs, 0);
  });

  it('lets endpoints back at a sweep, and puts out those that had to wait', () => {
    const { pool, at, sweep } = poolOf('a:1', 'b:1');
    sweep(10_000);
    for (const address of ['a:1', 'b:1']) {
      for (let failures = 0; failures < 5; failures++) pool.finished(at(address), 12_000, 'failure', 5);
    }
    assert.equal(at('b:1').ejection.kind, 'in');
    sweepEachSecond(sweep, 13_000, 19_000);
    sweep(19_999);
    assert.equal(at('b:1').ejection.kind, 'in');
    sweepEachSecond(sweep, 21_000, 51_000);
    assert.equal(at('a:1').ejection.kind, 'in');
    assert.equal(at('a:1').consecutiveFailures, 0);
    assert.equal(at('b:1').ejection.kind, 'ejected');
  });

  it('holds nothing against an endpoint that failed while this process stood still', () => {
    const { pool, at, sweep } = poolOf('a:1');
    const only = at('a:1');
    const fail = (nowMs: number, latencyMs: number) => pool.finished(only, nowMs, 'failure', latencyMs);
    sweepEachSecond(sweep, 10_000, 12_000);
    for (let failures = 0; failures < 4; failures++) fail(12_000, 5);
    // It wakes, and hears of the failures before its next sweep.
    for (let failures = 0; failures < 10; failures++) fail(20_000, 8_000);
    assert.deepEqual([only.ejection.kind, only.consecutiveFailures], ['in', 0]);
    sweepEachSecond(sweep, 20_500, 22_000);
    for (let failures = 0; failures < 10; failures++) fail(22_000, 2_001);
    assert.deepEqual([only.ejection.kind, only.consecutiveFailures], ['in', 0]);
    for (let failures = 0; failures < 4; failures++) fail(22_000, 2_000);
    assert.equal(only.ejection.kind, 'in');
    fail(22_000, 5);
    assert.equal(only.ejection.kind, 'ejected');
  });

  it('begins to count anew after a standstill that it notices at a sweep', () => {
    const { pool, at, sweep } = poolOf('a:1');
    const only = at('a:1');
    sweep(10_000);
    for (let failures = 0; failures < 4; failures++) pool.finished(only, 10_000, 'failure', 5);
    sweep(12_001);
    assert.equal(only.consecutiveFailures, 0);
  });

  it('is swept while an endpoint fails or is ejected, and no longer', () => {
    const { pool, at, sweep } = poolOf('a:1', 'b:1');
    assert.deepEqual(sweep(10_000), []);
    pool.finished(at('a:1'), 10_500, 'failure', 5);
    assert.deepEqual(sweep(11_000), [pool]);
    pool.finished(at('a:1'), 11_500, 'success', 5);
    assert.deepEqual(sweep(12_000), []);
    for (let failures = 0; failures < 5; failures++) pool.finished(at('a:1'), 12_500, 'failure', 5);
    assert.deepEqual([...pool.ejected()], ['a:1']);
    // Out until 42.5 s, and then its count falls by one with each sweep that finds it well.
    sweepEachSecond(sweep, 13_000, 43_000);
    assert.deepEqual([...pool.ejected()], []);
    assert.deepEqual(at('a:1').ejection, { kind: 'in', count: 1 });
    assert.deepEqual(sweep(44_000), [pool]);
    sweepEachSecond(sweep, 45_000, 53_000);
    assert.deepEqual(at('a:1').ejection, { kind: 'in', count: 0 });
    assert.deepEqual(sweep(54_000), []);
  });

  it('is swept no longer when no route has it', () => {
    const { pool, at, troubled, sweep } = poolOf('a:1');
    for (let failures = 0; failures < 5; failures++) pool.finished(at('a:1'), 10_000, 'failure', 5);
    assert.deepEqual([...troubled.sweep(11_000, () => false)], []);
    assert.deepEqual(sweep(12_000), []);
  });
});

function sweepEachSecond(sweep: (nowMs: number) => unknown, fromMs: number, toMs: number): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 1_000) sweep(nowMs);
}
