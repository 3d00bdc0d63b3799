import type { HpackEncoder } from '../hpack/encoder.ts';
import type { OutputBuffer } from '../http/output.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { DEFAULT_FRAME_BYTES, FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE, writeUint32 } from './frame.ts';
import { SETTING_BYTES } from './settings.ts';

/** Writes frames in place into a connection's output. */
export class FrameWriter {
  readonly #output: OutputBuffer;
  readonly #encoder: HpackEncoder;
  /** For blocks that may not fit one frame. */
  readonly #scratch: Buffer;
  /** Where the DATA frame that was written last begins, to lengthen it while nothing follows it. */
  #lastDataAt = -1;
  #lastDataEnd = -1;
  #lastDataStream = 0;
  #lastDataGeneration = -1;

  constructor(output: OutputBuffer, encoder: HpackEncoder, scratch: Buffer) {
    this.#output = output;
    this.#encoder = encoder;
    this.#scratch = scratch;
  }

  preface(): void {
    this.#output.reserve(PREFACE.length);
    PREFACE.copy(this.#output.buffer, this.#output.position);
    this.#output.position += PREFACE.length;
  }

  settings(settings: ReadonlyArray<readonly [id: number, value: number]>): void {
    this.#header(settings.length * SETTING_BYTES, FRAME.SETTINGS, 0, 0);
    for (const [id, value] of settings) {
      const { buffer, position } = this.#output;
      buffer[position] = id >> 8;
      buffer[position + 1] = id;
      writeUint32(buffer, position + 2, value);
      this.#output.position += SETTING_BYTES;
    }
  }

  settingsAck(): void {
    this.#header(0, FRAME.SETTINGS, FLAG.ACK, 0);
  }

  ping(flags: number, payload: Buffer, start: number): void {
    this.#header(8, FRAME.PING, flags, 0);
    payload.copy(this.#output.buffer, this.#output.position, start, start + 8);
    this.#output.position += 8;
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#header(4, FRAME.WINDOW_UPDATE, 0, streamId);
    this.#uint32(bytes);
  }

  reset(streamId: number, errorCode: number): void {
    this.#header(4, FRAME.RST_STREAM, 0, streamId);
    this.#uint32(errorCode);
  }

  /** `debug` must be short. */
  goAway(lastStreamId: number, errorCode: number, debug: string): void {
    this.#header(8 + debug.length, FRAME.GOAWAY, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(errorCode);
    this.#output.position += this.#output.buffer.write(debug, this.#output.position, 'latin1');
  }

  headers(streamId: number, block: HeaderBlock, endStream: boolean): void {
    const bound = this.#encoder.maxEncodedBytes(block);
    if (bound > DEFAULT_FRAME_BYTES) {
      this.#largeHeaders(streamId, block, endStream, bound);
      return;
    }
    const output = this.#output;
    output.reserve(FRAME_HEADER_BYTES + bound);
    const at = output.position;
    const start = at + FRAME_HEADER_BYTES;
    const end = this.#encoder.encode(block, output.buffer, start);
    const flags = endStream ? FLAG.END_HEADERS | FLAG.END_STREAM : FLAG.END_HEADERS;
    writeHeader(output.buffer, at, end - start, FRAME.HEADERS, flags, streamId);
    output.position = end;
  }

  /** `length` is at most the peer's maximum and what one reserve may ask for. */
  data(streamId: number, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    const output = this.#output;
    if (this.#lengthenLast(streamId, chunk, start, end, endStream)) return;
    const length = end - start;
    output.reserve(FRAME_HEADER_BYTES + length);
    const at = output.position;
    writeHeader(output.buffer, at, length, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, streamId);
    chunk.copy(output.buffer, at + FRAME_HEADER_BYTES, start, end);
    output.position = at + FRAME_HEADER_BYTES + length;
    this.#lastDataAt = at;
    this.#lastDataEnd = output.position;
    this.#lastDataStream = endStream ? 0 : streamId;
    this.#lastDataGeneration = output.generation;
  }

  /** Pieces of a frame that came in apart, e.g. across TLS records, leave as one frame again. */
  #lengthenLast(streamId: number, chunk: Buffer, start: number, end: number, endStream: boolean): boolean {
    const output = this.#output;
    const { buffer, position } = output;
    if (this.#lastDataStream !== streamId || this.#lastDataEnd !== position) return false;
    if (this.#lastDataGeneration !== output.generation) return false;
    const at = this.#lastDataAt;
    const length = position - at - FRAME_HEADER_BYTES + end - start;
    if (length > DEFAULT_FRAME_BYTES || buffer.length - position < end - start) return false;
    chunk.copy(buffer, position, start, end);
    writeHeader(buffer, at, length, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, streamId);
    output.position = position + end - start;
    this.#lastDataEnd = output.position;
    if (endStream) this.#lastDataStream = 0;
    return true;
  }

  #largeHeaders(streamId: number, block: HeaderBlock, endStream: boolean, bound: number): void {
    const scratch = bound > this.#scratch.length ? Buffer.allocUnsafeSlow(bound) : this.#scratch;
    const end = this.#encoder.encode(block, scratch, 0);
    let type: number = FRAME.HEADERS;
    let flags = endStream ? FLAG.END_STREAM : 0;
    let at = 0;
    do {
      const length = Math.min(DEFAULT_FRAME_BYTES, end - at);
      if (at + length === end) flags |= FLAG.END_HEADERS;
      this.#header(length, type, flags, streamId);
      scratch.copy(this.#output.buffer, this.#output.position, at, at + length);
      this.#output.position += length;
      at += length;
      type = FRAME.CONTINUATION;
      flags = 0;
    } while (at < end);
  }

  /** Reserves the whole frame, writes its header; the payload follows at `position`. */
  #header(length: number, type: number, flags: number, streamId: number): void {
    const output = this.#output;
    output.reserve(FRAME_HEADER_BYTES + length);
    writeHeader(output.buffer, output.position, length, type, flags, streamId);
    output.position += FRAME_HEADER_BYTES;
  }

  #uint32(value: number): void {
    writeUint32(this.#output.buffer, this.#output.position, value);
    this.#output.position += 4;
  }
}

function writeHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >> 16;
  buffer[at + 1] = length >> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  writeUint32(buffer, at + 5, streamId);
}
