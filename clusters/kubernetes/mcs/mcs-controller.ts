import type { ServiceKey } from '../../../federation/model/service.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import { isRefusal, KeyedWork } from '../keyed-work.ts';
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

/**
 * The Multi-Cluster Services API (KEP-1645) of one cluster: keeps its ServiceImports, with the Services and slices that
 * are derived of them, and the status of its ServiceExports, as the clusterset is. Only a leader writes.
 */
export class McsController {
  readonly objects: ClusterObjects;
  readonly #options: McsControllerOptions;
  readonly #work: KeyedWork;
  readonly #stops: readonly (() => void)[];
  #known = false;

  constructor(options: McsControllerOptions) {
    const { view, client } = options;
    this.#options = options;
    this.#work = new KeyedWork({
      ...options,
      run: (key) => this.#run(key),
      isTerminal: (failure) => failure instanceof ForeignObject || isRefusal(failure),
      andMore: 'services are not imported as they should be',
    });
    this.objects = new ClusterObjects({
      ...options,
      wanted: () => view.keys,
      changed: (keys) => this.#look(keys),
    });
    this.#stops = [
      view.watch((keys) => this.#look(keys)),
      view.complete.watch(() => this.#lookAtAll()),
      view.heard.watch(() => this.#lookAtAll()),
      client.onReturn(() => this.#work.forgive()),
      view.leading.watch((leading) => (leading ? this.#lookAtAll() : this.#work.forgetFailures())),
    ];
    void this.objects.ready.then(() => {
      this.#known = true;
      this.#lookAtAll();
    });
  }

  /** Ends after what is being written. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#work.close();
    await this.objects.close();
  }

  #lookAtAll(): void {
    this.#look([...this.#options.view.keys, ...this.objects.keys()]);
  }

  /** Before everything that is there is known, nobody can say what is missing. */
  #look(keys: Iterable<ServiceKey>): void {
    if (!this.#known || !this.#options.view.leading.value) return;
    for (const key of keys) this.#work.add(key);
  }

  async #run(key: ServiceKey): Promise<void> {
    const { client, view, clock } = this.#options;
    if (!view.leading.value) return;
    const parts = { view, objects: this.objects, clock };
    // What is said of our export does not wait for what we import, nor the other way round.
    const done = await Promise.allSettled([reconcileExport(parts, client, key), reconcileImport(parts, key)]);
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }
}
