import { type Clock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { BytePool } from './byte-pool.ts';
import { SlabPool } from './slab-pool.ts';
import { TimerWheel } from './timer-wheel.ts';
import { FlushTurn } from './turn.ts';

/** What all connections of one worker share. */
export interface CodecResources {
  readonly turn: FlushTurn;
  readonly timers: TimerWheel;
  /** What may be held for slow readers: held stream data, replay bodies, unsent socket data. */
  readonly heldBytes: BytePool;
  /** For connections with many streams: large, so that a turn's frames leave in one write. */
  readonly largeSlabs: SlabPool;
  /** For connections with one message at a time: small, so that many of them stay in the processor's cache. */
  readonly smallSlabs: SlabPool;
}

const LARGE_SLAB_BYTES = 64 * 1024;
const SMALL_SLAB_BYTES = 8 * 1024;
const DEFAULT_HELD_BYTES = 64 * 1024 * 1024;

export function createCodecResources(
  options: { readonly clock?: Clock; readonly heldBytes?: number } = {},
): CodecResources {
  return {
    turn: new FlushTurn(),
    timers: new TimerWheel(options.clock ?? SYSTEM_CLOCK),
    heldBytes: new BytePool(options.heldBytes ?? DEFAULT_HELD_BYTES),
    largeSlabs: new SlabPool(LARGE_SLAB_BYTES, 17 * 1024),
    smallSlabs: new SlabPool(SMALL_SLAB_BYTES, 2 * 1024),
  };
}
