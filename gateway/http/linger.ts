import { UnwantedBody } from './unwanted-body.ts';

/** For the peer to read our last bytes, when the kernel has all of them, before the socket is destroyed. */
const LINGER_MS = 2_000;
/** For a connection whose own flush timeout is 0. */
const PATIENCE_MS = 300_000;

/**
 * How long a connection is kept that is closing. While something of it waits for a slow reader, as long as anything
 * moves: destroyed before, it would cut the end off a message, and its peer might take what it has for the whole.
 * While the peer still sends, too, for a while: destroyed then, the kernel would answer with a reset, which can take our
 * last bytes from the peer.
 */
export class Linger {
  #unsentBytes = -1;
  #movedAtMs = 0;
  #unwanted: UnwantedBody | undefined;

  /** Something came in and was dropped. False when it is too much. */
  dropped(nowMs: number, bytes: number): boolean {
    this.#unwanted ??= new UnwantedBody(nowMs);
    return this.#unwanted.received(bytes);
  }

  /**
   * Whether the socket may be destroyed; `endless`: because the peer sends on and on.
   * @param unsentBytes what the kernel has not taken
   * @param flushTimeoutMs without any progress
   */
  look(nowMs: number, unsentBytes: number, flushTimeoutMs: number): 'wait' | 'over' | 'endless' {
    if (unsentBytes !== this.#unsentBytes) {
      this.#unsentBytes = unsentBytes;
      this.#movedAtMs = nowMs;
    }
    const coming = this.#unwanted?.look(nowMs) ?? 'silent';
    const patienceMs = unsentBytes === 0 ? LINGER_MS : flushTimeoutMs || PATIENCE_MS;
    if (nowMs - this.#movedAtMs < patienceMs || coming === 'wait') return 'wait';
    return coming === 'endless' ? 'endless' : 'over';
  }
}
