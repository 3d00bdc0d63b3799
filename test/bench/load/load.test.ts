import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HpackDecoder } from '../../../gateway/hpack/decoder.ts';
import { SharedStrings } from '../../../gateway/hpack/shared-strings.ts';
import { REALISTIC_HEADERS } from '../realistic-headers.ts';
import { FRAME, FrameReader, frame } from './frames.ts';
import { type Lane, Pacer } from './pacer.ts';
import { requestBlocks } from './request-blocks.ts';
import { Wire } from './wire.ts';

class TestLane implements Lane {
  sent = 0;

  send(): void {
    this.sent++;
  }
}

describe('the load generator', () => {
  it('counts the latency of an open loop from when a request was meant to be sent', () => {
    const pacer = new Pacer({ rate: 1000, warmMs: 0, seconds: 0.01 });
    const lane = new TestLane();
    pacer.begin([lane], 0);
    pacer.tick(1);
    assert.equal(lane.sent, 1);
    // The gateway stands still; the requests of 2 to 10 ms wait.
    pacer.tick(10);
    assert.equal(lane.sent, 1);
    for (let answer = 1; answer <= 10; answer++) pacer.done(lane, true, 100);
    assert.ok(pacer.finished(100));
    // Meant at 1 to 10 ms; the last is not in the measured time, which ends there.
    const { requests, p50Ms, p99Ms, errors } = pacer.result();
    assert.deepEqual({ requests, p50Ms, p99Ms, errors }, { requests: 9, p50Ms: 95, p99Ms: 99, errors: 0 });
  });

  it('counts what is never answered, or badly, as failed', () => {
    const pacer = new Pacer({ rate: 1000, warmMs: 0, seconds: 1 });
    const lanes = [new TestLane(), new TestLane()];
    pacer.begin(lanes, 0);
    pacer.tick(3);
    const [first] = lanes;
    assert.ok(first);
    pacer.done(lanes[1] ?? first, false, 4);
    assert.equal(pacer.result().errors, 3);
  });

  it('sends the next of a closed loop with the answer, until the time is over', () => {
    const pacer = new Pacer({ rate: 0, warmMs: 0, seconds: 1 });
    const lane = new TestLane();
    pacer.begin([lane], 0);
    pacer.done(lane, true, 400);
    pacer.done(lane, true, 999);
    pacer.done(lane, true, 1001);
    assert.equal(lane.sent, 3);
    assert.deepEqual([pacer.result().requests, pacer.finished(1001)], [2, true]);
  });

  it('finds frames however they are cut', () => {
    const bytes = Buffer.concat([
      frame(FRAME.headers, 4, 1, Buffer.from([0x88])),
      frame(FRAME.data, 1, 1, Buffer.alloc(300, 7)),
    ]);
    for (const size of [1, 5, 10, 400]) {
      const found: [number, number, number, number][] = [];
      const reader = new FrameReader((type, flags, id, payload) =>
        found.push([type, flags, id, payload.length]),
      );
      for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
      assert.deepEqual(found, [
        [FRAME.headers, 4, 1, 1],
        [FRAME.data, 1, 1, 300],
      ]);
    }
  });

  it('says the same request in its first block and, shorter, in all others', () => {
    const fields = [[':path', '/'] as const, [':authority', 'a.example'] as const, ...REALISTIC_HEADERS];
    const expected = [':method', 'GET', ':scheme', 'http', ...fields.flat()];
    const strings = new SharedStrings();
    const limits = { maxTableBytes: 4096, maxFields: 100, maxListBytes: 61_440, strings };
    const decoder = new HpackDecoder(limits, Buffer.alloc(128 * 1024));
    const { first, next } = requestBlocks('GET', fields);
    for (const block of [first, next, next]) {
      assert.deepEqual([...decoder.decode(block, 0, block.length)], expected);
    }
    assert.ok(next.length < first.length / 4);
  });

  it('delays bytes by the distance and spaces them by the rate', () => {
    const wire = new Wire(1_000_000);
    wire.oneWayMs = 50;
    assert.equal(wire.arrivalMs(0, 10_000), 60);
    assert.equal(wire.arrivalMs(0, 10_000), 70);
    assert.equal(wire.isFull(0), false);
    assert.equal(wire.arrivalMs(0, 10_000), 80);
    assert.ok(wire.isFull(0));
    assert.equal(wire.isFull(15), false);
  });
});
