import type { Clock } from '../../federation/runtime/clock.ts';
import type { BytePool } from '../http/byte-pool.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { TimerWheel } from '../http/timer-wheel.ts';
import type { PipelineEnvironment } from '../pipeline/request.ts';
import type { LocalDestination, TrunkDestination } from '../routing/destination.ts';
import type { CompiledBackend } from '../routing/rules/compiled-rule.ts';
import type { RequestRecorder } from '../telemetry/request-facts.ts';
import type { ConnectionSource } from '../upstream/connection-source.ts';
import type { ActiveNode } from './active-list.ts';
import type { ExchangeRecord, RecordPlace } from './exchange-record.ts';

export interface ExchangeTimeouts {
  readonly responseMs: number;
  /** Without any progress of a request's body, before anything of a response. */
  readonly bodyMs: number;
}

/** An exchange as the worker sees it while it is under way. */
export interface ActiveExchange extends ActiveNode {
  readonly startedMs: number;
  /** Ends it when nothing has answered it for `timeouts.responseMs` from the end of the request on, or its body stands. */
  expire(nowMs: number, timeouts: ExchangeTimeouts): void;
}

/** Copies of a request that are under way beside it: told of its body, and never heard of again. */
export interface RequestCopies {
  data(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  trailers(block: HeaderBlock): void;
  /** The request's body will not be complete. */
  abandon(): void;
}

/** What an exchange needs of the worker it runs in. */
export interface ExchangeEnvironment extends PipelineEnvironment, RecordPlace {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** For the times of requests, which are shorter than those of connections: finer. */
  readonly deadlineTimers: TimerWheel;
  readonly heldBytes: BytePool;
  readonly recorder: RequestRecorder;
  /** Retries under way in this worker. */
  activeRetries: number;
  sourceOf(record: ExchangeRecord, destination: LocalDestination | TrunkDestination): ConnectionSource;
  /** Sends copies of the request; undefined when there is nothing to tell them any more. */
  mirror(
    original: ExchangeRecord,
    to: readonly CompiledBackend[],
    endStream: boolean,
  ): RequestCopies | undefined;
  begun(exchange: ActiveExchange): void;
  ended(exchange: ActiveExchange): void;
}
