import { DEFAULT_WINDOW_BYTES } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Http2Stream } from './stream.ts';

/**
 * What the peer may send: the connection's credit is given back on receipt, a stream's only as the other side drains
 * it, so one stalled reader never blocks the connection. Credit goes back in halves of a window, not per frame.
 */
export class ReceiveFlow {
  readonly #writer: FrameWriter;
  readonly #streamWindowBytes: number;
  readonly #connectionWindowBytes: number;
  /** What the peer may still send, as it knows it. */
  #leftBytes: number;

  constructor(writer: FrameWriter, streamWindowBytes: number, connectionWindowBytes: number) {
    this.#writer = writer;
    this.#streamWindowBytes = streamWindowBytes;
    this.#connectionWindowBytes = connectionWindowBytes;
    this.#leftBytes = connectionWindowBytes;
  }

  get streamWindowBytes(): number {
    return this.#streamWindowBytes;
  }

  /** After our SETTINGS: the connection's window begins with 65,535 and has no setting. */
  open(): void {
    const more = this.#connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (more > 0) this.#writer.windowUpdate(0, more);
    else this.#leftBytes = DEFAULT_WINDOW_BYTES;
  }

  /**
   * As credit goes back before the window is used up, a peer that sends more than it may cannot be told from one that
   * has just got more.
   */
  received(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes > this.#connectionWindowBytes / 2) return;
    this.#writer.windowUpdate(0, this.#connectionWindowBytes - this.#leftBytes);
    this.#leftBytes = this.#connectionWindowBytes;
  }

  consumed(stream: Http2Stream, bytes: number): void {
    stream.unreturnedBytes += bytes;
    if (stream.unreturnedBytes < this.#streamWindowBytes / 2) return;
    this.#writer.windowUpdate(stream.id, stream.unreturnedBytes);
    stream.receiveWindowBytes += stream.unreturnedBytes;
    stream.unreturnedBytes = 0;
  }
}
