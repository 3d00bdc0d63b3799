import type { BytePool } from '../http/byte-pool.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, Http2ConnectionError, PREFACE, readUint31 } from './frame.ts';

/** Where frames go. */
export interface FrameSink {
  /**
   * A piece of an unpadded DATA frame, as it comes in; `flags` has END_STREAM only on the frame's last piece. A
   * frame of length 0 is one empty piece.
   */
  data(streamId: number, flags: number, chunk: Buffer, start: number, end: number): void;
  /** Any other frame, whole; also DATA with padding. */
  frame(type: number, flags: number, streamId: number, chunk: Buffer, start: number, end: number): void;
}

export interface FrameReaderOptions {
  readonly maxFrameBytes: number;
  /** A server reads the client's preface first. */
  readonly expectPreface: boolean;
  /** What is kept of an incomplete frame is counted there. */
  readonly pool: BytePool;
}

const NOTHING = Buffer.alloc(0);

/**
 * Cuts what a socket reads into frames, in place: only a frame that is not DATA and lies across two reads is copied.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  readonly #pool: BytePool;
  #prefaceLeft: number;
  /** Start of a frame that has not come in whole: header and payload. */
  #partial: Buffer = NOTHING;
  #partialBytes = 0;
  #partialFrames = 0;
  /** Payload of the DATA frame under way that has not come in yet. */
  #dataLeft = 0;
  #dataStream = 0;
  #dataFlags = 0;
  #stopped = false;

  constructor(sink: FrameSink, options: FrameReaderOptions) {
    this.#sink = sink;
    this.#pool = options.pool;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#prefaceLeft = options.expectPreface ? PREFACE.length : 0;
  }

  /** Whether a frame other than DATA has begun and is not complete. */
  get insideFrame(): boolean {
    return this.#partialBytes > 0;
  }

  /** How many frames have lain across two reads so far: while it stays the same, so does the frame. */
  get partialFrames(): number {
    return this.#partialFrames;
  }

  stop(): void {
    this.#stopped = true;
    this.#forget();
  }

  /** @throws Http2ConnectionError for a wrong preface or a frame that is too large, and what the sink throws. */
  read(chunk: Buffer): void {
    let at = this.#prefaceLeft > 0 ? this.#preface(chunk) : 0;
    if (this.#partialBytes > 0) at = this.#completePartial(chunk, at);
    if (this.#dataLeft > 0) at = this.#continueData(chunk, at);
    const end = chunk.length;
    while (end - at >= FRAME_HEADER_BYTES && !this.#stopped) {
      const length = frameLength(chunk, at);
      if (length > this.#maxFrameBytes) throw tooLarge(length);
      const payload = at + FRAME_HEADER_BYTES;
      if (chunk[at + 3] === FRAME.DATA && ((chunk[at + 4] as number) & FLAG.PADDED) === 0) {
        at = this.#beginData(chunk, at, length);
        continue;
      }
      if (end - payload < length) break;
      this.#dispatch(chunk, at, length);
      at = payload + length;
    }
    if (at < end && !this.#stopped) this.#keep(chunk, at);
  }

  #dispatch(chunk: Buffer, at: number, length: number): void {
    const payload = at + FRAME_HEADER_BYTES;
    this.#sink.frame(
      chunk[at + 3] as number,
      chunk[at + 4] as number,
      readUint31(chunk, at + 5),
      chunk,
      payload,
      payload + length,
    );
  }

  #beginData(chunk: Buffer, at: number, length: number): number {
    const flags = chunk[at + 4] as number;
    const streamId = readUint31(chunk, at + 5);
    const payload = at + FRAME_HEADER_BYTES;
    const here = Math.min(length, chunk.length - payload);
    if (here < length) {
      this.#dataLeft = length - here;
      this.#dataStream = streamId;
      this.#dataFlags = flags;
      if (here > 0) this.#sink.data(streamId, flags & ~FLAG.END_STREAM, chunk, payload, payload + here);
    } else {
      this.#sink.data(streamId, flags, chunk, payload, payload + here);
    }
    return payload + here;
  }

  #continueData(chunk: Buffer, at: number): number {
    const here = Math.min(this.#dataLeft, chunk.length - at);
    if (here === 0) return at;
    this.#dataLeft -= here;
    const flags = this.#dataLeft === 0 ? this.#dataFlags : this.#dataFlags & ~FLAG.END_STREAM;
    this.#sink.data(this.#dataStream, flags, chunk, at, at + here);
    return at + here;
  }

  #preface(chunk: Buffer): number {
    const seen = PREFACE.length - this.#prefaceLeft;
    const here = Math.min(this.#prefaceLeft, chunk.length);
    if (chunk.compare(PREFACE, seen, seen + here, 0, here) !== 0) {
      throw new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, 'wrong-preface');
    }
    this.#prefaceLeft -= here;
    return here;
  }

  /** Frame that begins in what was kept: first its header, then, unless it is DATA, its payload. */
  #completePartial(chunk: Buffer, from: number): number {
    let at = from;
    at += this.#fill(chunk, at, FRAME_HEADER_BYTES);
    if (this.#partialBytes < FRAME_HEADER_BYTES) return at;
    const length = frameLength(this.#partial, 0);
    if (length > this.#maxFrameBytes) throw tooLarge(length);
    const isPlainData = this.#partial[3] === FRAME.DATA && ((this.#partial[4] as number) & FLAG.PADDED) === 0;
    if (!isPlainData) {
      at += this.#fill(chunk, at, FRAME_HEADER_BYTES + length);
      if (this.#partialBytes < FRAME_HEADER_BYTES + length) return at;
    }
    const whole = this.#partial;
    this.#forget();
    if (!isPlainData) this.#dispatch(whole, 0, length);
    else this.#beginData(whole.subarray(0, FRAME_HEADER_BYTES), 0, length);
    return at;
  }

  /** Takes from `chunk` until `bytes` of the frame are kept; returns how many it took. */
  #fill(chunk: Buffer, at: number, bytes: number): number {
    const wanted = bytes - this.#partialBytes;
    if (wanted <= 0) return 0;
    if (this.#partial.length < bytes) {
      const larger = this.#allocate(bytes);
      this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    const taken = Math.min(wanted, chunk.length - at);
    chunk.copy(this.#partial, this.#partialBytes, at, at + taken);
    this.#partialBytes += taken;
    return taken;
  }

  #keep(chunk: Buffer, at: number): void {
    const bytes = chunk.length - at;
    const size =
      bytes < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + frameLength(chunk, at);
    this.#partial = this.#allocate(size);
    chunk.copy(this.#partial, 0, at, chunk.length);
    this.#partialBytes = bytes;
    this.#partialFrames++;
  }

  #allocate(bytes: number): Buffer {
    this.#pool.charge(bytes - this.#partial.length);
    return Buffer.allocUnsafeSlow(bytes);
  }

  #forget(): void {
    this.#pool.give(this.#partial.length);
    this.#partial = NOTHING;
    this.#partialBytes = 0;
  }
}

function frameLength(buffer: Buffer, at: number): number {
  return ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number);
}

function tooLarge(length: number): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.FRAME_SIZE_ERROR, 'frame-too-large', `frame of ${length} bytes`);
}
