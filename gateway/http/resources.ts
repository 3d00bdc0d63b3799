import { type Clock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { SensitiveNames } from '../hpack/indexing.ts';
import { SharedStrings } from '../hpack/shared-strings.ts';
import { type WrittenHead, WrittenHeads, type WrittenRequest } from '../http1/written-heads.ts';
import { BytePool } from './byte-pool.ts';
import { FieldNames } from './field-names.ts';
import { ReadTurns } from './read-turns.ts';
import { SharedReads } from './shared-reads.ts';
import { SlabPool } from './slab-pool.ts';
import { TimerWheel } from './timer-wheel.ts';
import { FlushTurn } from './turn.ts';

/** What all connections of one worker share. */
export interface CodecResources {
  readonly turn: FlushTurn;
  readonly timers: TimerWheel;
  readonly clock: Clock;
  /** What may be held for slow readers: held stream data, replay bodies, unsent socket data. */
  readonly heldBytes: BytePool;
  /** For connections with many streams: large, so that a turn's frames leave in one write. */
  readonly largeSlabs: SlabPool;
  /** For connections with one message at a time: small, so that many of them stay in the processor's cache. */
  readonly smallSlabs: SlabPool;
  /** Keeps those that read much from filling a turn of the event loop. */
  readonly readTurns: ReadTurns;
  /** Opens sockets whose reads share one buffer. */
  readonly reads: SharedReads;
  /** Memory for a moment: what is in it is used before its user returns. */
  readonly scratch: Buffer;
  readonly sensitiveNames: SensitiveNames;
  readonly fieldNames: FieldNames;
  readonly fieldStrings: SharedStrings;
  /** Of HTTP/1, to clients and to pods. */
  readonly responseHeads: WrittenHeads<WrittenHead>;
  readonly requestHeads: WrittenHeads<WrittenRequest>;
  /** A defect of ours came up while a connection's input was looked at; that connection is being closed. */
  readonly onDefect: (error: unknown) => void;
}

/** Where a defect of ours came up: what is found in a connection's input its codec counts as rejected, by itself. */
export type DefectSide = 'input' | 'output';

const LARGE_SLAB_BYTES = 64 * 1024;
const SMALL_SLAB_BYTES = 8 * 1024;
/** A header block of 60 KiB in Huffman code has at most 8/5 of that decoded. */
const SCRATCH_BYTES = 128 * 1024;
const DEFAULT_HELD_BYTES = 64 * 1024 * 1024;

export function createCodecResources(
  options: {
    readonly clock?: Clock;
    readonly heldBytes?: number;
    readonly onDefect?: (error: unknown, side: DefectSide) => void;
  } = {},
): CodecResources {
  const { clock = SYSTEM_CLOCK, onDefect = throwUncaught } = options;
  const fieldStrings = new SharedStrings();
  const sensitiveNames = new SensitiveNames();
  return {
    turn: new FlushTurn((error) => onDefect(error, 'output')),
    timers: new TimerWheel(clock),
    clock,
    heldBytes: new BytePool(options.heldBytes ?? DEFAULT_HELD_BYTES),
    largeSlabs: new SlabPool(LARGE_SLAB_BYTES, 17 * 1024),
    smallSlabs: new SlabPool(SMALL_SLAB_BYTES, 2 * 1024),
    readTurns: new ReadTurns(),
    reads: new SharedReads(),
    scratch: Buffer.allocUnsafeSlow(SCRATCH_BYTES),
    sensitiveNames,
    fieldNames: new FieldNames(sensitiveNames),
    fieldStrings,
    responseHeads: new WrittenHeads(fieldStrings, sensitiveNames),
    requestHeads: new WrittenHeads(fieldStrings, sensitiveNames),
    onDefect: (error) => onDefect(error, 'input'),
  };
}

/** Where nobody asked to hear of defects they end the process. */
function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
