import type { RedisConnection } from './connection.ts';

/** More came than was allowed: somebody's entries are larger than any cluster writes. */
export class ReplyTooLargeError extends Error {
  override readonly name = 'ReplyTooLargeError';
}

/**
 * Bounds what one reply may bring into memory. ioredis collects a reply of any size, and every member may write
 * what it likes into its own log; a connection that brings too much is cut.
 */
export class ReplyBudget {
  #remainingBytes = Number.POSITIVE_INFINITY;
  #exceeded = false;

  constructor(connection: RedisConnection) {
    connection.onSocket((socket) => {
      socket.on('data', (chunk: Buffer) => {
        this.#remainingBytes -= chunk.length;
        if (this.#remainingBytes >= 0) return;
        this.#exceeded = true;
        socket.destroy();
      });
    });
  }

  /** @throws ReplyTooLargeError when the call brought more than `maxBytes`. */
  async spend<T>(maxBytes: number, call: () => Promise<T>): Promise<T> {
    this.#remainingBytes = maxBytes;
    this.#exceeded = false;
    try {
      return await call();
    } catch (failure) {
      if (this.#exceeded)
        throw new ReplyTooLargeError(`a reply is larger than ${maxBytes} bytes`, { cause: failure });
      throw failure;
    } finally {
      this.#remainingBytes = Number.POSITIVE_INFINITY;
    }
  }
}
