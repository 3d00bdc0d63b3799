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

/**
 * What a connection has to say, written in place and handed to its socket once per turn of the event loop. Codecs
 * call `reserve`, write into `buffer` at `position` and advance it.
 */
export class OutputBuffer implements Flushable {
  buffer: Buffer = NO_MEMORY;
  position = 0;
  /** Changes whenever what was written before can no longer be changed in place. */
  generation = 0;
  /** Bytes given to the socket so far. */
  handedBytes = 0;
  readonly #socket: Socket;
  readonly #options: OutputOptions;
  /** A plain socket that took all bytes at once has copied them into the kernel: their memory can be used again. */
  readonly #copiedWhenTaken: boolean;
  #slab: Slab | undefined;
  #pool: SlabPool;
  #start = 0;
  #dirty = false;
  #closed = false;
  #queuedBytes = 0;
  #waiting = false;

  constructor(socket: Socket, options: OutputOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#pool = options.slabs;
    this.#copiedWhenTaken = !(socket instanceof TLSSocket);
    socket.on('drain', () => this.#drained());
  }

  /** Makes sure that `bytes` can be written at `position`, and that the turn's end writes them. */
  reserve(bytes: number): void {
    if (this.buffer.length - this.position < bytes) this.#moveOn(bytes);
    if (!this.#dirty) {
      this.#dirty = true;
      this.#options.turn.add(this);
    }
  }

  /** Bytes that were not taken by the kernel although they were handed to the socket. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** How many bytes of message bodies may be added now; 0 or less: hold them and `waitForRoom`. */
  get room(): number {
    if (this.#queuedBytes > 0 && this.#options.pool.exhausted) return 0;
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
    this.#write();
    this.#release();
    if (this.#waiting && this.room > 0) this.#roomIsBack();
  }

  /** Hands over what is left and then closes the sending side. */
  end(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#socket.end();
  }

  /** Drops what was not handed over; nothing is written after it. */
  close(): void {
    this.#closed = true;
    this.#setQueued(0);
    this.#release();
  }

  #moveOn(bytes: number): void {
    if (!this.#closed) this.#write();
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
    if (this.position === this.#start) return;
    const socket = this.#socket;
    this.handedBytes += this.position - this.#start;
    const full = !socket.write(this.buffer.subarray(this.#start, this.position));
    if (this.#copiedWhenTaken && socket.writableLength === 0) {
      this.position = this.#start;
      this.#setQueued(0);
      return;
    }
    this.#start = this.position;
    // Below the socket's own mark it emits no 'drain', so that little is not counted.
    this.#setQueued(full ? socket.writableLength : 0);
  }

  #release(): void {
    this.generation++;
    const slab = this.#slab;
    if (slab === undefined) return;
    slab.used = this.#start;
    this.#slab = undefined;
    this.buffer = NO_MEMORY;
    this.position = 0;
    this.#start = 0;
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
    this.#options.onRoom();
  }
}
