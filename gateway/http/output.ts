import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { BytePool } from './byte-pool.ts';
import type { Slab, SlabPool } from './slab-pool.ts';
import type { Flushable, FlushTurn } from './turn.ts';

export interface OutputOptions {
  readonly turn: FlushTurn;
  readonly slabs: SlabPool;
  /** Where a message larger than a slab of the first kind goes. */
  readonly bulkSlabs?: SlabPool;
  readonly pool: BytePool;
  /** Unsent bytes past which `room` is gone; at least twice the socket's own high-water mark (64 KiB). */
  readonly highWaterBytes: number;
  /** Room came back after `waitForRoom`. */
  readonly onRoom: () => void;
}

const NO_MEMORY = Buffer.alloc(0);

/** What is written into a slab and waits behind a write that is under way. */
interface Piece {
  readonly slab: Slab;
  readonly pool: SlabPool;
  readonly start: number;
  readonly end: number;
}

/**
 * What a connection has to say, written in place and handed to its socket once per turn of the event loop. Codecs
 * call `reserve`, write into `buffer` at `position` and advance it.
 *
 * Memory is used again where it can be, or bulk would keep the garbage collector busy. A plain socket that took all
 * bytes at once has copied them into the kernel. TLS encrypts a copy at once, but completes each write later: what is
 * said meanwhile waits here, for Node would copy what waits in its own queue together once more.
 */
export class OutputBuffer implements Flushable {
  buffer: Buffer = NO_MEMORY;
  position = 0;
  /** Changes whenever what was written before can no longer be changed in place. */
  generation = 0;
  /** Bytes that left the buffer so far. */
  handedBytes = 0;
  readonly #socket: Socket;
  readonly #options: OutputOptions;
  readonly #encrypts: boolean;
  #slab: Slab | undefined;
  #pool: SlabPool;
  #start = 0;
  #dirty = false;
  #closed = false;
  #queuedBytes = 0;
  /** TLS only. */
  #sentBytes = 0;
  #waiting = false;
  /** TLS only: bytes of the write that is under way, 0 = none. */
  #writingBytes = 0;
  #behind: Piece[] = [];
  readonly #written = (): void => this.#writeDone();

  constructor(socket: Socket, options: OutputOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#pool = options.slabs;
    this.#encrypts = socket instanceof TLSSocket;
    if (!this.#encrypts) socket.on('drain', () => this.#drained());
  }

  /** Makes sure that `bytes` can be written at `position`, and that the turn's end writes them. */
  reserve(bytes: number): void {
    if (this.buffer.length - this.position < bytes) this.#moveOn(bytes);
    if (!this.#dirty) {
      this.#dirty = true;
      this.#options.turn.add(this);
    }
  }

  /** Bytes that left the buffer and were not taken by the kernel. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** What the socket has taken since the beginning, one write of its own after the other. */
  get sentBytes(): number {
    return this.#encrypts ? this.#sentBytes : this.handedBytes - this.#socket.writableLength;
  }

  /** How many bytes of message bodies may be added now; 0 or less: hold them and `waitForRoom`. */
  get room(): number {
    if (this.#queuedBytes > 0 && this.#options.pool.scarce) return 0;
    return this.#options.highWaterBytes - this.#queuedBytes - (this.position - this.#start);
  }

  waitForRoom(): void {
    this.#waiting = true;
    if (!this.#dirty && this.room > 0) {
      this.#dirty = true;
      this.#options.turn.add(this);
    }
  }

  flush(): void {
    this.#dirty = false;
    if (this.#closed) return;
    // The end of the write under way takes what is here along.
    if (this.#writingBytes === 0) {
      this.#write();
      this.#release();
    }
    if (this.#waiting && this.room > 0) this.#roomIsBack();
  }

  /** Hands over what is left and then closes the sending side. */
  end(): void {
    if (this.#closed) return;
    this.#dirty = false;
    for (const { slab, start, end } of this.#behind) this.#socket.write(slab.buffer.subarray(start, end));
    this.#behind = [];
    if (this.position > this.#start) {
      this.handedBytes += this.position - this.#start;
      this.#socket.write(this.buffer.subarray(this.#start, this.position));
      this.#start = this.position;
    }
    this.#release();
    this.#closed = true;
    this.#socket.end();
  }

  /** Drops what was not handed over; nothing is written after it. */
  close(): void {
    this.#closed = true;
    this.#setQueued(0);
    for (const { slab, pool } of this.#behind) pool.give(slab);
    this.#behind = [];
    this.#release();
  }

  abandon(): void {
    this.close();
    this.#socket.destroy();
  }

  #moveOn(bytes: number): void {
    if (this.#writingBytes > 0) this.#putBehind();
    else if (!this.#closed) this.#write();
    this.#release();
    const { slabs, bulkSlabs } = this.#options;
    this.#pool = bulkSlabs !== undefined && bytes > slabs.slabBytes / 2 ? bulkSlabs : slabs;
    const slab = this.#pool.take(bytes);
    this.#slab = slab;
    this.buffer = slab.buffer;
    this.position = slab.used;
    this.#start = slab.used;
  }

  #write(): void {
    const bytes = this.position - this.#start;
    if (bytes === 0) return;
    this.handedBytes += bytes;
    if (this.#encrypts) {
      this.#setQueued(this.#queuedBytes + bytes);
      this.#encrypt(this.buffer, this.#start, this.position);
      this.position = this.#start;
      return;
    }
    const full = !this.#socket.write(this.buffer.subarray(this.#start, this.position));
    if (this.#socket.writableLength === 0) {
      this.position = this.#start;
      this.#setQueued(0);
      return;
    }
    this.#start = this.position;
    // Below the socket's own mark it emits no 'drain', so that little is not counted.
    this.#setQueued(full ? this.#socket.writableLength : 0);
  }

  #putBehind(): void {
    const bytes = this.position - this.#start;
    if (this.#slab === undefined || bytes === 0) return;
    this.#behind.push({ slab: this.#slab, pool: this.#pool, start: this.#start, end: this.position });
    this.#slab = undefined;
    this.handedBytes += bytes;
    this.#setQueued(this.#queuedBytes + bytes);
  }

  #encrypt(buffer: Buffer, start: number, end: number): void {
    this.#writingBytes = end - start;
    this.#socket.write(buffer.subarray(start, end), this.#written);
  }

  #writeDone(): void {
    if (this.#closed || this.#socket.destroyed) return;
    this.#sentBytes += this.#writingBytes;
    this.#setQueued(this.#queuedBytes - this.#writingBytes);
    this.#writingBytes = 0;
    const piece = this.#behind.shift();
    if (piece !== undefined) {
      this.#encrypt(piece.slab.buffer, piece.start, piece.end);
      piece.pool.give(piece.slab);
    } else {
      this.#write();
      this.#release();
    }
    if (this.#waiting && this.room > 0) this.#roomIsBack();
  }

  #release(): void {
    this.generation++;
    const slab = this.#slab;
    this.buffer = NO_MEMORY;
    this.position = 0;
    const used = this.#start;
    this.#start = 0;
    if (slab === undefined) return;
    slab.used = used;
    this.#slab = undefined;
    this.#pool.give(slab);
  }

  #setQueued(bytes: number): void {
    if (bytes === this.#queuedBytes) return;
    this.#options.pool.charge(bytes - this.#queuedBytes);
    this.#queuedBytes = bytes;
  }

  #drained(): void {
    if (this.#closed) return;
    this.#setQueued(0);
    if (this.#waiting) this.#roomIsBack();
  }

  #roomIsBack(): void {
    this.#waiting = false;
    // Also when it is the socket that calls, outside of any turn.
    try {
      this.#options.onRoom();
    } catch (error) {
      this.#options.turn.failed(this, error);
    }
  }
}
