import type { RejectionReason } from '../../federation/model/rejections.ts';
import { Linger } from '../http/linger.ts';
import type { CodecResources } from '../http/resources.ts';
import { H2_ERROR } from '../http/stream.ts';
import type { Timed } from '../http/timer-wheel.ts';
import type { Http2Options } from './options.ts';

/** What a connection's clock looks at, and whom it calls. */
export interface ClockTarget {
  /** Something that is not a body has begun to come in and is not complete: another number for another; 0 = nothing. */
  incomplete(): number;
  busy(): boolean;
  /** The socket does not take all that we have to say. */
  stalled(): boolean;
  /** A number that changes when something was sent. */
  progress(): number;
  /** Ends the streams of whose held data nothing could be sent since then; `shut`: only for their own windows' sake. */
  endStalledStreams(sinceMs: number, shut: boolean): void;
  timedOut(errorCode: number, reason: RejectionReason): void;
  /** The worker holds nearly all that it may. */
  memoryShort(nowMs: number): void;
  /** Nothing happened for the idle time. */
  idleTooLong(): void;
  /** What the kernel has not taken. */
  unsentBytes(): number;
  /** The peer had its moment to read the last frames. */
  lingered(): void;
  /** Each second, with the time of the last byte that came in. */
  lookAtStreams(nowMs: number, heardAtMs: number): void;
}

const TICK_MS = 1000;
/** For a peer that broke a rule to read which: whatever else waits for it, for it may be there to keep us waiting. */
const ABRUPT_MS = 2_000;

/** All deadlines of one connection, looked at once a second. */
export class ConnectionClock implements Timed {
  readonly #target: ClockTarget;
  readonly #options: Http2Options;
  readonly #resources: CodecResources;
  #settingsDeadlineMs = 0;
  #incomplete = 0;
  #incompleteSinceMs = 0;
  readonly #linger = new Linger();
  #closing: 'no' | 'in-order' | 'abruptly' = 'no';
  #closedAtMs = 0;
  #activeAtMs = 0;
  #heardAtMs = 0;
  #progressAtMs = 0;
  #progress = 0;
  #stopped = false;

  constructor(target: ClockTarget, options: Http2Options, resources: CodecResources) {
    this.#target = target;
    this.#options = options;
    this.#resources = resources;
  }

  start(): void {
    const { timers } = this.#resources;
    timers.schedule(this, TICK_MS);
    this.#activeAtMs = timers.nowMs;
    this.#heardAtMs = timers.nowMs;
    this.#progressAtMs = timers.nowMs;
    this.#settingsDeadlineMs = timers.nowMs + this.#options.handshakeTimeoutMs;
  }

  stop(): void {
    this.#stopped = true;
    this.#resources.timers.remove(this);
  }

  /** Something came in. */
  heard(): void {
    this.#heardAtMs = this.#resources.timers.nowMs;
  }

  settingsAcknowledged(): void {
    this.#settingsDeadlineMs = 0;
  }

  /** `abruptly`: the peer broke a rule. */
  closing(how: 'in-order' | 'abruptly'): void {
    this.#closing = how;
    this.#closedAtMs = this.#resources.timers.nowMs;
  }

  /** Something came in after the end. False when it is too much. */
  dropped(bytes: number): boolean {
    return this.#linger.dropped(this.#resources.timers.nowMs, bytes);
  }

  onTick(nowMs: number): number {
    if (this.#closing === 'no') this.#look(nowMs);
    else if (this.#lingered(nowMs)) this.#target.lingered();
    return this.#stopped ? 0 : nowMs + TICK_MS;
  }

  #lingered(nowMs: number): boolean {
    if (this.#closing === 'abruptly') return nowMs - this.#closedAtMs >= ABRUPT_MS;
    return this.#linger.look(nowMs, this.#target.unsentBytes(), this.#flushTimeoutMs()) !== 'wait';
  }

  #look(nowMs: number): void {
    const { idleTimeoutMs } = this.#options;
    const flushTimeoutMs = this.#flushTimeoutMs();
    // A client that never sends its preface never acknowledges either.
    if (this.#settingsDeadlineMs > 0 && nowMs >= this.#settingsDeadlineMs) {
      this.#target.timedOut(H2_ERROR.SETTINGS_TIMEOUT, 'settings-timeout');
      return;
    }
    if (this.#lookAtBlock(nowMs)) return;
    if (this.#hasProgress()) this.#progressAtMs = nowMs;
    else if (flushTimeoutMs > 0 && nowMs - this.#progressAtMs >= flushTimeoutMs) {
      this.#target.timedOut(H2_ERROR.ENHANCE_YOUR_CALM, 'flush-timeout');
      return;
    }
    if (flushTimeoutMs > 0) this.#target.endStalledStreams(nowMs - flushTimeoutMs, false);
    if (this.#resources.heldBytes.crowded) this.#memoryShort(nowMs);
    if (this.#incomplete !== 0 || this.#target.busy()) this.#activeAtMs = nowMs;
    else if (idleTimeoutMs > 0 && nowMs - Math.max(this.#activeAtMs, this.#heardAtMs) >= idleTimeoutMs) {
      this.#target.idleTooLong();
    }
    if (this.#closing === 'no') this.#target.lookAtStreams(nowMs, this.#heardAtMs);
  }

  /** On a trunk or towards a pod one stream's reader stands still, and the connection is not to blame. */
  #memoryShort(nowMs: number): void {
    this.#target.memoryShort(nowMs);
    const patienceMs = this.#resources.heldBytes.patienceMs(this.#options.flushTimeoutMs);
    this.#target.endStalledStreams(nowMs - patienceMs, true);
  }

  /** A client that stands still has less time when the worker's memory is nearly used up. */
  #flushTimeoutMs(): number {
    const { flushTimeoutMs, flood } = this.#options;
    return flood === undefined ? flushTimeoutMs : this.#resources.heldBytes.patienceMs(flushTimeoutMs);
  }

  /** True when what has begun to come in took too long. */
  #lookAtBlock(nowMs: number): boolean {
    const incomplete = this.#target.incomplete();
    if (incomplete !== this.#incomplete) {
      this.#incomplete = incomplete;
      this.#incompleteSinceMs = nowMs;
    }
    if (incomplete === 0) return false;
    const waitedMs = nowMs - this.#incompleteSinceMs;
    if (waitedMs >= this.#options.handshakeTimeoutMs) {
      this.#target.timedOut(H2_ERROR.ENHANCE_YOUR_CALM, 'header-timeout');
      return true;
    }
    // Nobody may keep the worker's memory with halves of frames; what is under way in earnest is complete by now.
    if (waitedMs === 0 || this.#options.flood === undefined || !this.#resources.heldBytes.exhausted)
      return false;
    this.#target.timedOut(H2_ERROR.ENHANCE_YOUR_CALM, 'held-bytes-exhausted');
    return true;
  }

  #hasProgress(): boolean {
    const progress = this.#target.progress();
    const moved = progress !== this.#progress;
    this.#progress = progress;
    return moved || !this.#target.stalled();
  }
}
