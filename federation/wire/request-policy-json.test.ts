import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_RETRIES } from '../model/request-policy.ts';
import { trafficPolicyFromJson } from './traffic-policy-json.ts';

function refuses(part: string, cases: readonly (readonly [unknown, RegExp])[]): void {
  for (const [value, problem] of cases) {
    it(`is refused: ${problem.source}`, () => {
      const policy = { name: 'p', namespace: 'shop', targets: [], loadBalancing: { kind: 'random' } };
      const json = JSON.stringify({ ...policy, [part]: value });
      assert.throws(() => trafficPolicyFromJson('traffic_json', json), {
        name: 'WireError',
        message: problem,
      });
    });
  }
}

describe('timeouts that break the contract', () => {
  refuses('timeouts', [
    [[], /^traffic_json\.timeouts: is not an object/],
    [{ requestMs: -1 }, /^traffic_json\.timeouts\.requestMs: -1 is not in 0 to 86400000/],
    [{ idleMs: 1e9 }, /idleMs: 1000000000 is not in/],
  ]);
});

describe('retries that break the contract', () => {
  refuses('retries', [
    [{}, /^traffic_json\.retries\.attempts: is not a number/],
    [{ ...DEFAULT_RETRIES, attempts: 1000 }, /attempts: 1000 is not in 1 to 10/],
    [{ ...DEFAULT_RETRIES, attempts: 1.5 }, /attempts: 1\.5 is not a whole number/],
    [{ ...DEFAULT_RETRIES, on: ['always'] }, /on\[0\]: is none of 5xx,/],
    [{ ...DEFAULT_RETRIES, statusCodes: [200] }, /statusCodes\[0\]: 200 is not in/],
    [{ ...DEFAULT_RETRIES, idempotentPaths: Array(65).fill('/') }, /idempotentPaths: 65 items, at most 64/],
    [{ ...DEFAULT_RETRIES, backoff: { baseMs: 1 } }, /backoff\.maxMs: is not a number/],
    [{ ...DEFAULT_RETRIES, budget: { percent: 200, minConcurrency: 1 } }, /budget\.percent: 200 is not in/],
  ]);
});

describe('rate limits that break the contract', () => {
  const good = { per: 'service', requests: 1, intervalMs: 1000, burst: 1 };
  refuses('rateLimits', [
    [{}, /^traffic_json\.rateLimits: is not a list/],
    [Array(9).fill(good), /rateLimits: 9 items, at most 8/],
    [[{ ...good, per: 'pod' }], /rateLimits\[0\]\.per: is none of service, caller, route, route-and-caller$/],
    [[{ ...good, requests: 0 }], /requests: 0 is not in/],
    [[{ ...good, burst: 1.5 }], /burst: 1\.5 is not a whole number/],
    [[{ ...good, intervalMs: 1 }], /intervalMs: 1 is not in/],
  ]);
});

describe('fault injection that breaks the contract', () => {
  const abort = { httpStatus: 503, percentage: 1 };
  refuses('faultInjection', [
    [{ abort }, /^traffic_json\.faultInjection\.headers: is not a list/],
    [{ headers: [], abort: { percentage: 1 } }, /faultInjection\.abort: has no status/],
    [{ headers: [], abort: { ...abort, httpStatus: 200 } }, /httpStatus: 200 is not in/],
    [{ headers: [], abort: { ...abort, percentage: 101 } }, /percentage: 101 is not in/],
    [{ headers: [], delay: { fixedMs: 1e9, percentage: 1 } }, /fixedMs: 1000000000 is not in/],
    [{ headers: Array(17).fill({ name: 'a', value: '' }) }, /headers: 17 items, at most 16/],
  ]);
});
