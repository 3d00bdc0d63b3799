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
    [{ request: 1 }, /^traffic_json\.timeouts: field "request" is unknown/],
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
