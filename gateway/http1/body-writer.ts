import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { BytePool } from '../http/byte-pool.ts';
import { HeldData } from '../http/held-data.ts';
import type { OutputBuffer } from '../http/output.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { BodyFraming } from './head-fields.ts';
import { trailerText } from './head-writer.ts';

/** Whom a body writer tells. */
export interface BodyWriterOwner {
  /** Held bytes have left. */
  bodyDrained(bytes: number): void;
  /** The body's last byte is in the output. */
  bodyWritten(): void;
  /** The body is not as long as was declared, or the rest found no room: the connection cannot go on. */
  bodyBroken(reason: RejectionReason): void;
}

/** Size in hexadecimal and two line breaks. */
const CHUNK_OVERHEAD_BYTES = 20;
const MAX_PIECE_BYTES = 16 * 1024;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
const CR = 0x0d;
const LF = 0x0a;

/** Writes one message's body by its framing; holds what the socket does not take. */
export class BodyWriter {
  readonly #output: OutputBuffer;
  readonly #pool: BytePool;
  readonly #owner: BodyWriterOwner;
  #framing: BodyFraming = 'none';
  #leftBytes = 0;
  #ended = true;
  #held: HeldData | undefined;
  #heldEnd: HeaderBlock | boolean = false;

  constructor(output: OutputBuffer, pool: BytePool, owner: BodyWriterOwner) {
    this.#output = output;
    this.#pool = pool;
    this.#owner = owner;
  }

  /** The whole message has been written. */
  get ended(): boolean {
    return this.#ended;
  }

  get stalled(): boolean {
    return this.#held !== undefined;
  }

  /** After the head. */
  begin(framing: BodyFraming, contentLength: number): void {
    this.#framing = framing;
    this.#leftBytes = contentLength;
    this.#ended = false;
    this.#heldEnd = false;
  }

  /** As `StreamWriter.sendData`. */
  write(chunk: Buffer, start: number, end: number, endStream: boolean): number {
    const wanted = end - start;
    if (this.#ended || this.#heldEnd !== false) return wanted;
    const sent = this.#held === undefined ? Math.min(wanted, Math.max(0, this.#output.room)) : 0;
    if (sent > 0) this.#emit(chunk, start, start + sent);
    if (this.#ended) return wanted;
    if (sent < wanted) this.#hold(chunk, start + sent, end, endStream);
    else if (endStream && this.#held !== undefined) this.#heldEnd = true;
    else if (endStream) this.#end([]);
    return sent;
  }

  end(trailers: HeaderBlock): void {
    if (this.#ended || this.#heldEnd !== false) return;
    if (this.#held === undefined) this.#end(trailers);
    else this.#heldEnd = trailers;
  }

  /** The socket takes more. */
  pump(): void {
    const held = this.#held;
    if (held === undefined) return;
    let left = 0;
    for (let first = held.first; first !== undefined && !this.#ended; first = held.first) {
      const bytes = Math.min(MAX_PIECE_BYTES, first.end - first.start, this.#output.room);
      if (bytes <= 0) break;
      this.#emit(first.buffer, first.start, first.start + bytes);
      held.shift(bytes);
      left += bytes;
    }
    if (this.#ended) return;
    if (held.bytes > 0) this.#output.waitForRoom();
    else this.#held = undefined;
    // The end first: who hears that nothing is held any more may close the connection, or begin the next message.
    const ends = this.#held === undefined && this.#heldEnd !== false;
    if (ends && !this.#writeEnd(this.#heldEnd)) return;
    if (left > 0) this.#owner.bodyDrained(left);
    if (ends) this.#owner.bodyWritten();
  }

  /** Drops what is held; nothing is written any more. */
  abandon(): void {
    this.#ended = true;
    this.#held?.clear();
    this.#held = undefined;
  }

  #hold(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.#held ??= new HeldData(this.#pool);
    if (!this.#held.add(chunk, start, end)) {
      this.#break('held-bytes-exhausted');
      return;
    }
    if (endStream) this.#heldEnd = true;
    this.#output.waitForRoom();
  }

  #emit(chunk: Buffer, start: number, end: number): void {
    if (this.#framing === 'none') return;
    if (this.#framing === 'length') {
      this.#leftBytes -= end - start;
      if (this.#leftBytes < 0) {
        this.#break('content-length-mismatch');
        return;
      }
    }
    for (let at = start; at < end; at += MAX_PIECE_BYTES) {
      this.#piece(chunk, at, Math.min(end, at + MAX_PIECE_BYTES));
    }
  }

  #piece(chunk: Buffer, start: number, end: number): void {
    const output = this.#output;
    const chunked = this.#framing === 'chunked';
    output.reserve(end - start + CHUNK_OVERHEAD_BYTES);
    if (chunked) output.position = writeChunkSize(output.buffer, output.position, end - start);
    chunk.copy(output.buffer, output.position, start, end);
    output.position += end - start;
    if (chunked) output.position = writeLineBreak(output.buffer, output.position);
  }

  #end(trailers: HeaderBlock): void {
    if (this.#writeEnd(trailers)) this.#owner.bodyWritten();
  }

  /** False when the body is too short. */
  #writeEnd(end: HeaderBlock | boolean): boolean {
    if (this.#framing === 'length' && this.#leftBytes > 0) {
      this.#break('content-length-mismatch');
      return false;
    }
    this.#ended = true;
    if (this.#framing === 'chunked') {
      const trailers = typeof end === 'boolean' ? [] : end;
      const text = trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${trailerText(trailers)}\r\n`;
      this.#output.reserve(text.length);
      this.#output.position += this.#output.buffer.write(text, this.#output.position, 'latin1');
    }
    return true;
  }

  #break(reason: RejectionReason): void {
    this.abandon();
    this.#owner.bodyBroken(reason);
  }
}

function writeChunkSize(buffer: Buffer, position: number, size: number): number {
  let at = position;
  let shift = 28;
  while (shift > 0 && size >>> shift === 0) shift -= 4;
  for (; shift >= 0; shift -= 4) buffer[at++] = HEX[(size >>> shift) & 15] as number;
  return writeLineBreak(buffer, at);
}

function writeLineBreak(buffer: Buffer, position: number): number {
  buffer[position] = CR;
  buffer[position + 1] = LF;
  return position + 2;
}
