const LIMIT = 1000;

/**
 * Streams that we reset lately: what their peer had sent before it knew is dropped without a word (RFC 9113
 * section 5.4.2). Bounded; the oldest are forgotten.
 */
export class RecentResets {
  readonly #ids = new Set<number>();

  add(streamId: number): void {
    if (this.#ids.size >= LIMIT) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest);
        break;
      }
    }
    this.#ids.add(streamId);
  }

  has(streamId: number): boolean {
    return this.#ids.has(streamId);
  }
}
