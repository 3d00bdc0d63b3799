import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countsOf, isGood, linesOf, outcomeOf } from './outcomes.ts';

const passed = { test: 'MeshPorts', result: 'passed' } as const;
const failed = { test: 'MeshBasic', result: 'failed' } as const;
const skipped = { test: 'MeshTrafficSplit', result: 'skipped' } as const;

describe('outcomes of a suite', () => {
  it('are read from the lines about its own tests alone', () => {
    assert.deepEqual(outcomeOf('    --- PASS: TestMesh/MeshPorts (1.20s)'), passed);
    assert.deepEqual(outcomeOf('    --- FAIL: TestMesh/MeshBasic (60.00s)'), failed);
    assert.deepEqual(outcomeOf('    --- SKIP: TestMesh/MeshTrafficSplit (0.00s)'), skipped);
    for (const other of [
      '--- PASS: TestMesh (81.00s)',
      '        --- PASS: TestMesh/MeshPorts/0_request_to_echo (0.01s)',
      '=== RUN   TestMesh/MeshPorts',
      'PASS',
    ]) {
      assert.equal(outcomeOf(other), undefined, other);
    }
  });

  it('are told with what failed at the end, and counted', () => {
    const lines = ['skipped MeshTrafficSplit', 'passed  MeshPorts', 'failed  MeshBasic'];
    assert.deepEqual(linesOf([failed, passed, skipped]), lines);
    assert.equal(countsOf([failed, passed, skipped]), '1 passed, 1 failed, 1 skipped');
  });

  it('are good only where the program ended well, a test passed and none failed', () => {
    assert.equal(isGood([passed, skipped], 0), true);
    assert.equal(isGood([passed, failed], 0), false);
    assert.equal(isGood([skipped], 0), false);
    assert.equal(isGood([], 0), false);
    assert.equal(isGood([passed], 1), false);
    assert.equal(isGood([passed], null), false);
  });
});
