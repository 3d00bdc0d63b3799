/** What became of the requests that were meant to be sent in one tenth of a second. */
export interface LoadSlot {
  /** Unix ms of its beginning. */
  readonly atMs: number;
  sent: number;
  /** Of its requests, from when it was meant to be sent until its end, ms. */
  slowestMs: number;
  /** Good answers, by the cluster that gave them. */
  readonly by: Record<string, number>;
  /** Why idempotent requests (GET) failed. */
  readonly failed: string[];
  /** Why the others (POST) failed. */
  readonly failedPosts: string[];
}

export const SLOT_MS = 100;

/** The requests of a span of time. */
export class LoadWindow {
  readonly slots: readonly LoadSlot[];

  constructor(slots: readonly LoadSlot[]) {
    this.slots = slots;
  }

  get requests(): number {
    return this.slots.reduce((sum, { sent }) => sum + sent, 0);
  }

  get failed(): readonly string[] {
    return this.slots.flatMap(({ failed }) => failed);
  }

  get failedPosts(): readonly string[] {
    return this.slots.flatMap(({ failedPosts }) => failedPosts);
  }

  get slowestMs(): number {
    return this.slots.reduce((most, { slowestMs }) => Math.max(most, slowestMs), 0);
  }

  by(cluster: string): number {
    return this.slots.reduce((sum, { by }) => sum + (by[cluster] ?? 0), 0);
  }

  /** Share of good answers that are the cluster's, 0 to 1. */
  share(cluster: string): number {
    const all = this.slots.flatMap(({ by }) => Object.values(by)).reduce((sum, count) => sum + count, 0);
    return all === 0 ? 0 : this.by(cluster) / all;
  }

  /** The cluster's share in each second. */
  sharesBySecond(cluster: string): readonly number[] {
    const perSecond = 1_000 / SLOT_MS;
    const seconds = Math.floor(this.slots.length / perSecond);
    return Array.from({ length: seconds }, (_, second) =>
      new LoadWindow(this.slots.slice(second * perSecond, (second + 1) * perSecond)).share(cluster),
    );
  }

  /**
   * Unix ms until which something was not as it shall be: a request took longer than `slowMs`, or another cluster than
   * `cluster` answered. A bound from above, by at most a slot. 0 = never.
   */
  unsettledUntilMs(cluster: string, slowMs: number): number {
    const unsettled = this.slots.filter(
      ({ by, slowestMs }) => slowestMs > slowMs || Object.keys(by).some((name) => name !== cluster),
    );
    return unsettled.reduce((last, { atMs, slowestMs }) => Math.max(last, atMs + SLOT_MS + slowestMs), 0);
  }

  /** For people: what happened, in one line. */
  toString(): string {
    const clusters = new Set(this.slots.flatMap(({ by }) => Object.keys(by)));
    const shares = [...clusters].map((cluster) => `${cluster} ${this.by(cluster)}`).join(', ');
    const failures = `${this.failed.length} GET and ${this.failedPosts.length} POST failed`;
    return `${this.requests} requests, ${failures}, slowest ${this.slowestMs} ms, answered by: ${shares}`;
  }
}
