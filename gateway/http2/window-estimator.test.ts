import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WindowEstimator } from './window-estimator.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const LIMITS = {
  streamWindowBytes: 256 * KIB,
  connectionWindowBytes: MIB,
  maxStreamWindowBytes: 4 * MIB,
  maxConnectionWindowBytes: 16 * MIB,
};
const AMPLE = 64 * MIB;

/** One round trip in which the peer sends `bytes`; whether that was measured, and whether it changed the windows. */
function roundTrip(
  estimator: WindowEstimator,
  startMs: number,
  rttMs: number,
  bytes: number,
  roomBytes = AMPLE,
): 'not measured' | 'same' | 'grew' {
  const first = Math.min(bytes, estimator.streamWindowBytes / 2);
  if (!estimator.received(first, startMs)) return 'not measured';
  estimator.pinged(startMs);
  assert.equal(estimator.received(bytes - first, startMs), false, 'one PING at a time');
  return estimator.answered(startMs + rttMs, roomBytes) ? 'grew' : 'same';
}

describe('windows grow', () => {
  test('to twice the sample while the sender fills them, up to their bounds', () => {
    const estimator = new WindowEstimator(LIMITS);
    const windows: number[][] = [];
    for (let trip = 0; trip < 8; trip++) {
      // A single stream sends what its window lets it.
      const bytes = estimator.streamWindowBytes;
      const outcome = roundTrip(estimator, trip * 100, 100, bytes);
      windows.push([estimator.streamWindowBytes / KIB, estimator.connectionWindowBytes / KIB]);
      if (outcome !== 'grew') break;
    }
    assert.deepEqual(windows, [
      [512, 1024],
      [1024, 1024],
      [2048, 2048],
      [4096, 4096],
      [4096, 8192],
      [4096, 8192],
    ]);
  });

  test('of the connection, too, when several streams fill it', () => {
    const estimator = new WindowEstimator(LIMITS);
    for (let trip = 0; trip < 10; trip++)
      roundTrip(estimator, trip * 100, 100, estimator.connectionWindowBytes);
    assert.equal(estimator.streamWindowBytes, 4 * MIB);
    assert.equal(estimator.connectionWindowBytes, 16 * MIB);
    assert.equal(roundTrip(estimator, 100_000, 100, 16 * MIB), 'not measured', 'there is nothing to gain');
  });

  test('not when less than two thirds of them arrive in a round trip', () => {
    const estimator = new WindowEstimator(LIMITS);
    assert.equal(roundTrip(estimator, 0, 100, 170 * KIB), 'same');
    assert.equal(roundTrip(estimator, 1000, 100, 171 * KIB), 'grew');
  });

  test('not when the round trip grows and the bandwidth does not: the path is full', () => {
    const estimator = new WindowEstimator(LIMITS);
    assert.equal(roundTrip(estimator, 0, 100, 256 * KIB), 'grew');
    assert.equal(roundTrip(estimator, 100, 200, 512 * KIB), 'same');
    assert.equal(estimator.streamWindowBytes, 512 * KIB);
  });

  test('not beyond the memory that is left, nor below what they are', () => {
    const estimator = new WindowEstimator(LIMITS);
    assert.equal(roundTrip(estimator, 0, 100, 256 * KIB, 300 * KIB), 'grew');
    assert.equal(estimator.streamWindowBytes, 300 * KIB);
    roundTrip(estimator, 100, 100, 300 * KIB, 10 * KIB);
    assert.equal(estimator.streamWindowBytes, 300 * KIB);
  });
});

describe('measuring', () => {
  test('in the middle of a burst is done once more from the beginning of the next', () => {
    const estimator = new WindowEstimator(LIMITS);
    assert.equal(roundTrip(estimator, 0, 100, 128 * KIB), 'same');
    assert.equal(estimator.received(1000, 100), true, 'with the first byte');
    estimator.pinged(100);
    estimator.received(255 * KIB, 100);
    assert.equal(estimator.answered(200, AMPLE), true);
    assert.equal(estimator.streamWindowBytes, 512 * KIB);
  });

  test('waits for half a window of bytes', () => {
    const estimator = new WindowEstimator(LIMITS);
    assert.equal(estimator.received(100 * KIB, 0), false);
    assert.equal(estimator.received(28 * KIB, 0), true);
  });

  test('rests longer and longer while there is nothing to gain, up to 10 s', () => {
    const estimator = new WindowEstimator(LIMITS);
    const measuredMs: number[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
      if (roundTrip(estimator, nowMs, 10, 128 * KIB) === 'same') measuredMs.push(nowMs);
    }
    const restsMs = measuredMs.slice(1).map((atMs, index) => atMs - (measuredMs[index] ?? 0));
    // In pairs: the second begins where the answer to the first came in.
    assert.deepEqual(restsMs.slice(0, 8), [10, 260, 10, 510, 10, 1010, 10, 2010]);
    assert.equal(Math.max(...restsMs), 10_010);
  });
});

test('a shortage sets streams back, and nothing is measured for a while', () => {
  const estimator = new WindowEstimator(LIMITS);
  assert.equal(estimator.shrink(0), false);
  assert.equal(roundTrip(estimator, 10_000, 100, 256 * KIB), 'grew');
  assert.equal(estimator.shrink(20_000), true);
  assert.equal(estimator.streamWindowBytes, 256 * KIB);
  assert.equal(roundTrip(estimator, 29_000, 100, 256 * KIB), 'not measured');
  assert.equal(roundTrip(estimator, 30_000, 100, 256 * KIB), 'grew');
});
