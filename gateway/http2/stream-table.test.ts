import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Http2Stream, type StreamOwner } from './stream.ts';
import { StreamTable } from './stream-table.ts';

const owner: StreamOwner = {
  writeHeaders: () => undefined,
  writeData: () => 0,
  writeReset: () => undefined,
  returnCredit: () => undefined,
  streamClosed: () => undefined,
};

class TestStream extends Http2Stream {
  constructor(id: number) {
    super(owner, id, 0, 0);
  }

  override deliverData(): void {
    throw new Error('nothing comes in here');
  }

  override deliverTrailers(): void {
    throw new Error('nothing comes in here');
  }

  override deliverDrained(): void {
    throw new Error('nothing goes out here');
  }
}

test('finds what a map would find, however long some streams stay', () => {
  // Each step opens so many streams, then ends the one at this share of the open ones.
  const step = fc.tuple(fc.nat(700), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const table = new StreamTable(250);
      const model = new Map<number, TestStream>();
      let id = 1;
      for (const [opened, share] of steps) {
        for (let i = 0; i < opened; i++) {
          const stream = new TestStream(id);
          table.add(stream);
          model.set(id, stream);
          id += 2;
        }
        // All but a few end, as requests do.
        const open = [...model.keys()];
        for (const ended of open.slice(3)) {
          table.delete(ended);
          model.delete(ended);
        }
        const one = open[Math.floor(share * 3)];
        if (one !== undefined) {
          table.delete(one);
          model.delete(one);
        }
        assert.equal(table.size, model.size);
        for (let known = 1; known < id; known += 2) assert.equal(table.get(known), model.get(known));
        assert.deepEqual(new Set(table.all()), new Set(model.values()));
      }
    }),
    { numRuns: 30 },
  );
});

test('forgets all at once, and a stream that is not there is no matter', () => {
  const table = new StreamTable(250);
  for (let id = 1; id < 5000; id += 2) table.add(new TestStream(id));
  table.delete(5001);
  assert.equal(table.size, 2500);
  table.clear();
  assert.equal(table.size, 0);
  assert.equal(table.get(1), undefined);
  assert.deepEqual(table.all(), []);
});
