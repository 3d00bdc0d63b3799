import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type BulkReader, ReadTurns } from './read-turns.ts';

const READ_BYTES = 64 * 1024;

/** Reads whenever it may; counts its reads. */
class Greedy implements BulkReader {
  reads = 0;
  paused = false;

  readOn(): void {
    this.paused = false;
  }

  read(turns: ReadTurns, bytes = READ_BYTES): void {
    if (this.paused) return;
    this.reads++;
    this.paused = turns.usedUp(this, bytes);
  }
}

describe('who reads much', () => {
  it('pauses past half a MiB of a turn, and goes on in the next one', async () => {
    const turns = new ReadTurns();
    const reader = new Greedy();
    for (let count = 0; count < 32; count++) reader.read(turns);
    assert.equal(reader.reads, 8);
    await turn();
    assert.equal(reader.paused, false);
    for (let count = 0; count < 32; count++) reader.read(turns);
    assert.equal(reader.reads, 16);
  });

  it('takes turns with all others, however many they are', async () => {
    const turns = new ReadTurns();
    const readers = Array.from({ length: 20 }, () => new Greedy());
    for (let count = 0; count < 50; count++) {
      for (const reader of readers) reader.read(turns);
      await turn();
    }
    const reads = readers.map((reader) => reader.reads);
    assert.ok(Math.min(...reads) >= 15, `${reads}`);
    // 8 of them may read on in a turn; each has one read that was under way.
    assert.ok(Math.max(...reads) <= 2 * Math.min(...reads), `${reads}`);
  });

  it('is not held up by small messages, which do not count', () => {
    const turns = new ReadTurns();
    const reader = new Greedy();
    for (let count = 0; count < 10_000; count++) reader.read(turns, 1000);
    assert.equal(reader.reads, 10_000);
  });
});
