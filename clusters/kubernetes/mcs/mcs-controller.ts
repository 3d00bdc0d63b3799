import type { ServiceKey } from '../../../federation/model/service.ts';
import { type BackoffPolicy, backoffMs } from '../../../federation/runtime/backoff.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import { WorkQueue } from '../../../federation/runtime/work-queue.ts';
import { KubeError } from '../kube-error.ts';
import { ClusterObjects } from './cluster-objects.ts';
import type { ClustersetView } from './clusterset-view.ts';
import { reconcileExport } from './export-reconciler.ts';
import { reconcileImport } from './import-reconciler.ts';
import { ForeignObject, type McsClient } from './owned-objects.ts';

export interface McsControllerOptions {
  readonly client: McsClient;
  /** Of the release. */
  readonly namespace: string;
  readonly gatewayService: string;
  readonly view: ClustersetView;
  readonly clock: Clock;
  readonly random: () => number;
  /** What is wrong, in sentences; told at each change, empty when nothing is. */
  readonly problems: (problems: readonly string[]) => void;
}

/** So many services are seen to at once: one after the other, a thousand would wait for a thousand round trips. */
const QUEUES = 8;
const BACKOFF: BackoffPolicy = { baseMs: 200, maxMs: 30_000 };
/** What trying again does not mend by itself: somebody has to change something. */
const SLOW: BackoffPolicy = { baseMs: 300_000, maxMs: 300_000 };
const MAX_TOLD = 20;

/**
 * The Multi-Cluster Services API (KEP-1645) of one cluster: keeps its ServiceImports, with the Services and slices that
 * are derived of them, and the status of its ServiceExports, as the clusterset is. Only a leader writes.
 */
export class McsController {
  readonly objects: ClusterObjects;
  readonly #options: McsControllerOptions;
  readonly #queues: readonly WorkQueue[];
  readonly #failures = new Map<ServiceKey, string>();
  readonly #slowTries = new Map<ServiceKey, () => void>();
  readonly #stops: readonly (() => void)[];
  #known = false;
  #told = '';
  #closed = false;

  constructor(options: McsControllerOptions) {
    const { view, clock, random, client } = options;
    this.#options = options;
    this.#queues = Array.from(
      { length: QUEUES },
      () =>
        new WorkQueue((key) => this.#run(key), {
          clock,
          random,
          backoff: BACKOFF,
          onFailure: (key, failure) => this.#failed(key, failure),
        }),
    );
    this.objects = new ClusterObjects({
      ...options,
      wanted: () => view.keys,
      changed: (keys) => this.#look(keys),
    });
    this.#stops = [
      view.watch((keys) => this.#look(keys)),
      view.complete.watch(() => this.#lookAtAll()),
      view.heard.watch(() => this.#lookAtAll()),
      client.onReturn(() => this.#returned()),
      view.leading.watch((leading) => (leading ? this.#lookAtAll() : this.#forgetFailures())),
    ];
    void this.objects.ready.then(() => {
      this.#known = true;
      this.#lookAtAll();
    });
  }

  /** Ends after what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const cancel of this.#slowTries.values()) cancel();
    await Promise.all(this.#queues.map((queue) => queue.close()));
    await this.objects.close();
  }

  /** Of what an API server says while it starts, nothing holds: not that a kind is missing, nor that we may not write it. */
  #returned(): void {
    for (const queue of this.#queues) queue.forgive();
    this.#look(this.#slowTries.keys());
  }

  #lookAtAll(): void {
    this.#look([...this.#options.view.keys, ...this.objects.keys()]);
  }

  /** Before everything that is there is known, nobody can say what is missing. */
  #look(keys: Iterable<ServiceKey>): void {
    if (!this.#known || !this.#options.view.leading.value || this.#closed) return;
    for (const key of keys) this.#queueOf(key).add(key);
  }

  #queueOf(key: ServiceKey): WorkQueue {
    let sum = 0;
    for (let at = 0; at < key.length; at++) sum = (sum * 31 + key.charCodeAt(at)) % 65_521;
    const queue = this.#queues[sum % QUEUES];
    if (queue === undefined) throw new Error('there is no such queue');
    return queue;
  }

  async #run(key: ServiceKey): Promise<void> {
    const { client, view, clock } = this.#options;
    this.#slowTries.get(key)?.();
    this.#slowTries.delete(key);
    if (!view.leading.value || this.#closed) return;
    const parts = { view, objects: this.objects, clock };
    try {
      // What is said of our export does not wait for what we import, nor the other way round.
      const done = await Promise.allSettled([
        reconcileExport(parts, client, key),
        reconcileImport(parts, key),
      ]);
      for (const one of done) if (one.status === 'rejected') throw one.reason;
      if (this.#failures.delete(key)) this.#tell();
    } catch (failure) {
      if (!isTerminal(failure)) throw failure;
      this.#failed(key, failure);
      this.#tryMuchLater(key);
    }
  }

  #failed(key: ServiceKey, failure: unknown): void {
    if (this.#closed) return;
    this.#failures.set(key, failure instanceof Error ? failure.message : String(failure));
    this.#tell();
  }

  #tryMuchLater(key: ServiceKey): void {
    const { clock, random } = this.#options;
    const delayMs = SLOW.maxMs / 2 + backoffMs(SLOW, 0, random) / 2;
    this.#slowTries.set(
      key,
      clock.after(delayMs, () => this.#look([key])),
    );
  }

  /** Another replica sees to it now. */
  #forgetFailures(): void {
    this.#failures.clear();
    this.#tell();
  }

  #tell(): void {
    const told = [...this.#failures].slice(0, MAX_TOLD).map(([key, message]) => `${key}: ${message}`);
    const more = this.#failures.size - told.length;
    if (more > 0) told.push(`${more} more services are not imported as they should be`);
    const text = told.join('\n');
    if (text === this.#told) return;
    this.#told = text;
    this.#options.problems(told);
  }
}

/** Asking again brings the same answer until somebody changes an object, a right, or the kind itself. */
function isTerminal(failure: unknown): boolean {
  if (failure instanceof ForeignObject) return true;
  return failure instanceof KubeError && [400, 401, 403, 404, 405, 413, 415, 422].includes(failure.status);
}
