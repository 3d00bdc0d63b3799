import type { CodecResources } from '../http/resources.ts';
import { DEFAULT_WINDOW_BYTES } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { SETTING } from './settings.ts';
import type { Http2Stream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';
import { WindowEstimator, type WindowLimits } from './window-estimator.ts';

const PROBE = Buffer.from('isth-bdp', 'latin1');
const PING_BYTES = 8;
/** In how many parts a window's credit goes back. */
const RETURNS = 4;

/**
 * What the peer may send: the connection's credit is given back on receipt, a stream's only as the other side drains
 * it, so one stalled reader never blocks the connection. Credit goes back in quarters of a window, not
 * per frame: in halves, bursts could settle in which only half of a window is ever used. How large
 * the windows are, `window-estimator.ts` finds out; a stream's is changed by SETTINGS, for all streams alike.
 */
export class ReceiveFlow {
  readonly #writer: FrameWriter;
  readonly #resources: CodecResources;
  readonly #streams: StreamTable;
  readonly #estimator: WindowEstimator;
  /** Of a stream, as it is enforced. */
  #streamWindowBytes: number;
  /** What the peer may still send on the connection, as it knows it. */
  #leftBytes: number;
  /** Our SETTINGS that the peer has not acknowledged. */
  #unacknowledged = 1;
  /** How many of them it must acknowledge until it keeps to the smaller window; 0 = it does. */
  #untilSmaller = 0;
  /** Of all DATA so far: shows whether any came in. */
  receivedBytes = 0;

  constructor(writer: FrameWriter, limits: WindowLimits, resources: CodecResources, streams: StreamTable) {
    this.#writer = writer;
    this.#resources = resources;
    this.#streams = streams;
    this.#estimator = new WindowEstimator(limits);
    this.#streamWindowBytes = limits.streamWindowBytes;
    this.#leftBytes = limits.connectionWindowBytes;
  }

  get streamWindowBytes(): number {
    return this.#streamWindowBytes;
  }

  get connectionWindowBytes(): number {
    return this.#estimator.connectionWindowBytes;
  }

  /** After our SETTINGS: the connection's window begins with 65,535 and has no setting. */
  open(): void {
    const more = this.#leftBytes - DEFAULT_WINDOW_BYTES;
    if (more > 0) this.#writer.windowUpdate(0, more);
    else this.#leftBytes = DEFAULT_WINDOW_BYTES;
  }

  /**
   * As credit goes back before the window is used up, a peer that sends more than it may cannot be told from one that
   * has just got more.
   */
  received(bytes: number): void {
    this.#leftBytes -= bytes;
    this.receivedBytes += bytes;
    if (this.#estimator.received(bytes, this.#resources.timers.nowMs)) this.#probe();
    const windowBytes = this.#estimator.connectionWindowBytes;
    if (this.#leftBytes > windowBytes - windowBytes / RETURNS) return;
    this.returnConnection();
  }

  /** Gives back what of the connection's window is used up, however little; one byte that was not is left out next time. */
  returnConnection(): void {
    const bytes = Math.max(1, this.#estimator.connectionWindowBytes - this.#leftBytes);
    this.#writer.windowUpdate(0, bytes);
    this.#leftBytes += bytes;
  }

  consumed(stream: Http2Stream, bytes: number): void {
    stream.unreturnedBytes += bytes;
    if (stream.unreturnedBytes >= this.#streamWindowBytes / RETURNS) this.#return(stream);
  }

  /** Nobody drains the stream any more: what came of it goes back at once. */
  returnAll(stream: Http2Stream): void {
    stream.unreturnedBytes = this.#streamWindowBytes - stream.receiveWindowBytes;
    if (stream.unreturnedBytes > 0) this.#return(stream);
  }

  /** False when it was another PING. */
  pingAcknowledged(payload: Buffer, start: number): boolean {
    if (payload.compare(PROBE, 0, PING_BYTES, start, start + PING_BYTES) !== 0) return false;
    return this.#estimator.sampling && this.#sampled();
  }

  settingsAcknowledged(): void {
    if (this.#unacknowledged > 0) this.#unacknowledged--;
    if (this.#untilSmaller === 0) return;
    this.#untilSmaller--;
    if (this.#untilSmaller === 0) this.#enforce(this.#estimator.streamWindowBytes);
  }

  /** Memory is short: what streams may send is what it was in the beginning. */
  shrink(nowMs: number): void {
    if (!this.#estimator.shrink(nowMs)) return;
    this.#announce();
    this.#untilSmaller = this.#unacknowledged;
  }

  #probe(): void {
    this.#estimator.pinged(this.#resources.clock.monotonic());
    this.#writer.ping(0, PROBE, 0);
  }

  #sampled(): true {
    const { heldBytes, clock } = this.#resources;
    const freeBytes = heldBytes.capacityBytes - heldBytes.usedBytes;
    // All streams may come to stand, and others need something, too.
    const roomBytes = this.#untilSmaller > 0 ? 0 : freeBytes / (2 * Math.max(1, this.#streams.size));
    if (!this.#estimator.answered(clock.monotonic(), Math.floor(roomBytes))) return true;
    const { streamWindowBytes, connectionWindowBytes } = this.#estimator;
    if (connectionWindowBytes > this.#leftBytes) {
      this.#writer.windowUpdate(0, connectionWindowBytes - this.#leftBytes);
      this.#leftBytes = connectionWindowBytes;
    }
    if (streamWindowBytes > this.#streamWindowBytes) {
      this.#announce();
      // It may use what it is given before it acknowledges it.
      this.#enforce(streamWindowBytes);
    }
    return true;
  }

  #announce(): void {
    this.#writer.settings([[SETTING.INITIAL_WINDOW_SIZE, this.#estimator.streamWindowBytes]]);
    this.#unacknowledged++;
  }

  /** RFC 9113 section 6.9.2: the windows of open streams move by the difference. */
  #enforce(bytes: number): void {
    const change = bytes - this.#streamWindowBytes;
    this.#streamWindowBytes = bytes;
    for (const stream of this.#streams.all()) {
      stream.receiveWindowBytes += change;
      // Credit that was small beside the window may be all that there is now.
      if (change < 0 && stream.unreturnedBytes > 0 && stream.canReceive) this.#return(stream);
    }
  }

  #return(stream: Http2Stream): void {
    this.#writer.windowUpdate(stream.id, stream.unreturnedBytes);
    stream.receiveWindowBytes += stream.unreturnedBytes;
    stream.unreturnedBytes = 0;
  }
}
