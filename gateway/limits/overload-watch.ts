import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { type Clock, every } from '../../federation/runtime/clock.ts';
import type { BytePool } from '../http/byte-pool.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import {
  decideOverload,
  includesStage,
  NO_OVERLOAD,
  type OverloadLimits,
  type OverloadReadings,
  type OverloadStage,
  type OverloadState,
} from './overload.ts';

export interface OverloadWatchOptions {
  readonly clock: Clock;
  readonly log: OperationLog;
  readonly limits: OverloadLimits;
  /** Of this process: heap and buffers. */
  readonly maxMemoryBytes: number;
  readonly heldBytes: BytePool;
  /** Share of the requests that may be under way. */
  readonly activeRequestsRatio: () => number;
  readonly closeIdle: () => void;
  readonly changed: (stage: OverloadStage) => void;
}

const READING_MS = 250;
/** Idle connections are looked at in every fourth reading. */
const CLOSE_IDLE_READINGS = 4;

/** Takes a worker's readings four times a second, and carries out what follows from them. */
export class OverloadWatch {
  readonly #options: OverloadWatchOptions;
  readonly #heapLimitBytes = getHeapStatistics().heap_size_limit;
  #state: OverloadState = NO_OVERLOAD;
  #readings = 0;
  #dueMs: number;
  readonly #cancel: () => void;

  constructor(options: OverloadWatchOptions) {
    this.#options = options;
    this.#dueMs = options.clock.monotonic() + READING_MS;
    this.#cancel = every(options.clock, READING_MS, () => this.#look());
  }

  get stage(): OverloadStage {
    return this.#state.stage;
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const { clock, limits, changed, closeIdle } = this.#options;
    const nowMs = clock.monotonic();
    const readings = this.#read(nowMs);
    const before = this.#state.stage;
    this.#state = decideOverload(nowMs, this.#state, readings, limits);
    if (this.#state.stage !== before) {
      this.#tell(before, readings);
      changed(this.#state.stage);
    }
    this.#readings++;
    if (this.#readings % CLOSE_IDLE_READINGS === 0 && includesStage(this.stage, 'close-idle')) closeIdle();
    this.#dueMs = nowMs + READING_MS;
  }

  #read(nowMs: number): OverloadReadings {
    const { heldBytes, maxMemoryBytes, activeRequestsRatio } = this.#options;
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    return {
      heldRatio: heldBytes.usedBytes / heldBytes.capacityBytes,
      activeRequestsRatio: activeRequestsRatio(),
      memoryRatio: Math.max(heapUsed / this.#heapLimitBytes, (heapTotal + external) / maxMemoryBytes),
      loopDelayMs: Math.max(0, nowMs - this.#dueMs),
    };
  }

  #tell(before: OverloadStage, readings: OverloadReadings): void {
    const { log } = this.#options;
    const { stage } = this.#state;
    const facts = { stage, before, ...readings };
    if (includesStage(before, stage)) log.info(facts, 'the load has fallen: the worker sheds less');
    else log.warn(facts, 'the load is too high: the worker sheds some of it');
  }
}

/** What one of so many workers may take, with some left for the parent and the kernel's buffers. */
export function defaultMemoryBytes(workers: number): number {
  const constrained = process.constrainedMemory();
  const availableBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return (0.8 * availableBytes) / workers;
}
