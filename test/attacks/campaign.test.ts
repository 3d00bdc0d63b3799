import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attack } from './attack.ts';
import { type AttackReport, complaintsOf, MAX_GROWTH_BYTES, MAX_P99_RATIO } from './campaign.ts';

const ATTACK: Attack = {
  name: 'ping-flood',
  abuse: 'PINGs',
  reasons: ['ping-flood'],
  perSecond: 1,
  attempt: async () => {},
};
const SEEN = { requests: 1000, failed: 10, p99Ms: 4, starved: 0.01 };
const WELL: Omit<AttackReport, 'complaints'> = {
  attack: 'ping-flood',
  seconds: 60,
  memoryBytes: { before: 1000, max: 1000 + MAX_GROWTH_BYTES, after: 1000 },
  apart: SEEN,
  beside: SEEN,
  p99Ratio: MAX_P99_RATIO,
  reasons: { 'ping-flood': 1 },
};

describe('an attack of a campaign', () => {
  test('is within its bounds up to each of them', () => {
    assert.deepEqual(complaintsOf(ATTACK, WELL, true), []);
  });

  const broken: ReadonlyArray<readonly [string, Partial<typeof WELL>, RegExp]> = [
    ['memory', { memoryBytes: { ...WELL.memoryBytes, max: 1001 + MAX_GROWTH_BYTES } }, /^memory grew/],
    ['p99', { p99Ratio: MAX_P99_RATIO + 0.01 }, /^others waited more than 2 times as long$/],
    ['p99 on a busy machine', { p99Ratio: 3, beside: { ...SEEN, starved: 0.06 } }, /no processor/],
    ['failures of others', { beside: { ...SEEN, failed: 11 } }, /^11 of 1000 requests of others failed$/],
    ['nobody asked', { beside: { ...SEEN, requests: 0, failed: 0 } }, /^0 of 0 requests of others failed$/],
    ['no comparison', { apart: { ...SEEN, failed: 11 } }, /there is no comparison$/],
    ['nobody asked apart from it', { apart: { ...SEEN, requests: 0, failed: 0 } }, /there is no comparison$/],
    ['another reason', { reasons: { 'ping-flood': 0, 'settings-flood': 1 } }, /does not name ping-flood$/],
  ];
  for (const [name, change, complaint] of broken) {
    test(`breaks a bound: ${name}`, () => {
      const complaints = complaintsOf(ATTACK, { ...WELL, ...change }, true);
      assert.equal(complaints.length, 1, complaints.join());
      assert.match(complaints[0] ?? '', complaint);
    });
  }

  test('breaks a bound when the worker dies', () => {
    assert.deepEqual(complaintsOf(ATTACK, WELL, false), ['the worker died']);
  });
});
