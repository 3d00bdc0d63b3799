import assert from 'node:assert/strict';
import type { KubeCluster } from '../kube-cluster.ts';
import { loadManifests } from './load-manifests.ts';
import { type LoadSlot, LoadWindow, SLOT_MS } from './load-window.ts';

export const REQUESTS_PER_SECOND = 200;
/** Of what was to be sent, how much must have been: a load that stood still proves nothing. */
const LEAST_SENT = 0.99;
/** Beyond this an answer is late. */
const SLOW_MS = 1_000;
const SETTLED_MS = 2_000;

/** Requests from a pod to `shop`, by its name of the clusterset, until the cluster ends. */
export class LoadPod {
  readonly #cluster: KubeCluster;

  private constructor(cluster: KubeCluster) {
    this.#cluster = cluster;
  }

  /** Begins, and returns when answers come. */
  static async start(cluster: KubeCluster): Promise<LoadPod> {
    await cluster.apply(loadManifests(REQUESTS_PER_SECOND));
    const load = new LoadPod(cluster);
    const hasAnswer = (window: LoadWindow): boolean =>
      window.slots.some(({ by }) => Object.keys(by).length > 0);
    await load.until('a first answer to the load', 0, hasAnswer);
    return load;
  }

  /**
   * What became of all requests that were sent between two times, Unix ms, once all of them have ended.
   * @throws AssertionError when fewer were sent than should have been
   */
  async between(fromMs: number, toMs: number): Promise<LoadWindow> {
    const past = await this.until('the end of all requests', fromMs, ({ slots }) => {
      const last = slots.at(-1);
      return last !== undefined && last.atMs >= toMs;
    });
    const window = new LoadWindow(past.slots.filter(({ atMs }) => atMs < toMs));
    const due = (REQUESTS_PER_SECOND * (toMs - fromMs)) / 1_000;
    assert.ok(window.requests >= LEAST_SENT * due, `${window.requests} requests were sent, not ${due}`);
    return window;
  }

  /** The load while something is done. */
  async during<T>(act: () => Promise<T>): Promise<{ readonly window: LoadWindow; readonly result: T }> {
    const fromMs = Date.now();
    const result = await act();
    return { window: await this.between(fromMs, Date.now()), result };
  }

  /** Waits until the requests since a time, Unix ms, are as they shall be, as far as they have ended. */
  async until(what: string, fromMs: number, isSo: (window: LoadWindow) => boolean): Promise<LoadWindow> {
    return await this.#cluster.until(what, async () => {
      const window = await this.#since(fromMs);
      return isSo(window) ? window : undefined;
    });
  }

  /** Waits until for two seconds every answer has come at once and from this cluster. @returns since when, Unix ms */
  async settled(cluster: string, fromMs: number): Promise<number> {
    const window = await this.until(`all answers from ${cluster}`, fromMs, (seen) => {
      const lastMs = seen.slots.at(-1)?.atMs ?? 0;
      return lastMs - Math.max(fromMs, seen.unsettledUntilMs(cluster, SLOW_MS)) >= SETTLED_MS;
    });
    return Math.max(fromMs, window.unsettledUntilMs(cluster, SLOW_MS));
  }

  async #since(fromMs: number): Promise<LoadWindow> {
    const since = ['--since-time', new Date(fromMs).toISOString()];
    const lines = (await this.#cluster.kubectl(['logs', 'load', ...since])).split('\n');
    const slots = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LoadSlot);
    return new LoadWindow(slots.filter(({ atMs }) => atMs + SLOT_MS > fromMs));
  }
}
