/** How many connections there may be. Whoever has not shown a certificate of this cluster's gateway is a stranger. */
export interface RoomLimits {
  /** Members and strangers together. */
  readonly maxConnections: number;
  /** Less than all, so that members always have the rest. */
  readonly maxUnauthenticated: number;
  /** Of one source (`sourceOf`). */
  readonly maxUnauthenticatedPerSource: number;
}

export type Arrival<C> =
  /** `makesWay` is out of the room already: it is to be closed. */
  | { readonly kind: 'admitted'; readonly makesWay: C | undefined }
  | { readonly kind: 'refused'; readonly reason: 'source-limit' | 'connection-limit' };

/**
 * Who is connected. Everybody comes as a stranger. Where strangers are too many, the one that has been there longest
 * makes way: a member needs a moment to authenticate, and whoever fills the room needs it to stay full.
 */
export class ConnectionRoom<C extends object> {
  readonly #limits: RoomLimits;
  /** With their sources; in the order in which they came. */
  readonly #strangers = new Map<C, string>();
  readonly #perSource = new Map<string, number>();
  readonly #members = new Set<C>();

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  get connections(): readonly C[] {
    return [...this.#strangers.keys(), ...this.#members];
  }

  arrive(connection: C, source: string): Arrival<C> {
    const { maxConnections, maxUnauthenticated, maxUnauthenticatedPerSource } = this.#limits;
    const ofSource = this.#perSource.get(source) ?? 0;
    if (ofSource >= maxUnauthenticatedPerSource) return { kind: 'refused', reason: 'source-limit' };
    const strangers = this.#strangers.size;
    const full = strangers + this.#members.size >= maxConnections;
    if (full && strangers === 0) return { kind: 'refused', reason: 'connection-limit' };
    const makesWay =
      full || strangers >= maxUnauthenticated ? this.#strangers.keys().next().value : undefined;
    if (makesWay !== undefined) this.leave(makesWay);
    this.#strangers.set(connection, source);
    // Looked up again: who made way may be of the same source.
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    return { kind: 'admitted', makesWay };
  }

  /** It is a member from now on. One that is not in the room any more stays outside. */
  authenticate(connection: C): void {
    if (this.#forgetStranger(connection)) this.#members.add(connection);
  }

  /** Does nothing for one that is not in the room. */
  leave(connection: C): void {
    if (!this.#forgetStranger(connection)) this.#members.delete(connection);
  }

  #forgetStranger(connection: C): boolean {
    const source = this.#strangers.get(connection);
    if (source === undefined) return false;
    this.#strangers.delete(connection);
    const left = (this.#perSource.get(source) ?? 1) - 1;
    if (left === 0) this.#perSource.delete(source);
    else this.#perSource.set(source, left);
    return true;
  }
}
