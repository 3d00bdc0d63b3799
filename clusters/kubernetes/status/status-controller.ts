import type { Clock } from '../../../federation/runtime/clock.ts';
import { isRefusal, KeyedWork } from '../keyed-work.ts';
import { KubeError } from '../kube-error.ts';
import { apiVersion } from '../mcs/mcs-objects.ts';
import { type StatusClient, StatusObjects } from './status-objects.ts';
import type { StatusSight, StatusView } from './status-view.ts';
import { type WantedStatus, wantedStatus } from './wanted-status.ts';

export interface StatusControllerOptions {
  readonly client: StatusClient;
  readonly view: StatusView;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** What is wrong, in sentences; told at each change, empty when nothing is. */
  readonly problems: (problems: readonly string[]) => void;
}

/**
 * Keeps the status of policies, routes and peers in the cluster's own API as the federation service sees them. Only a
 * leader writes, and only what differs.
 */
export class StatusController {
  readonly objects: StatusObjects;
  readonly #options: StatusControllerOptions;
  readonly #work: KeyedWork;
  readonly #stops: readonly (() => void)[];
  #known = false;
  #closed = false;

  constructor(options: StatusControllerOptions) {
    const { client, view, clock, random, problems } = options;
    this.#options = options;
    this.#work = new KeyedWork({
      run: (id) => this.#write(id),
      isTerminal: isRefusal,
      clock,
      random,
      what: 'statuses',
      problems,
    });
    this.objects = new StatusObjects({ client, clock, random, changed: (ids) => this.#look(ids, true) });
    this.#stops = [
      view.watch(() => this.#lookAtAll()),
      view.complete.watch(() => this.#lookAtAll()),
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
    this.#closed = true;
    for (const stop of this.#stops) stop();
    await this.#work.close();
    await this.objects.close();
  }

  #lookAtAll(): void {
    this.#look(this.objects.ids, false);
  }

  /** @param changed what failed before may go well now; else it has its own time to be tried again */
  #look(ids: Iterable<string>, changed: boolean): void {
    const { view } = this.#options;
    if (!this.#known || !view.leading.value || this.#closed) return;
    const sight = view.sight();
    for (const id of ids) {
      const isDue = this.#wanted(id, sight) !== undefined;
      // What need not be written any more is no failure any more.
      const isFailing = this.#work.isFailing(id);
      if (isDue ? changed || !isFailing : isFailing) this.#work.add(id);
    }
  }

  #wanted(id: string, sight: StatusSight): WantedStatus | undefined {
    const { view, clock } = this.#options;
    const object = this.objects.get(id);
    return object && wantedStatus(object, sight, view.complete.value, clock.now());
  }

  async #write(id: string): Promise<void> {
    const { client, view } = this.#options;
    const object = this.objects.get(id);
    if (object === undefined || !view.leading.value || this.#closed) return;
    const wanted = this.#wanted(id, view.sight());
    if (wanted === undefined) return;
    const { kind, type, name, namespace, uid, resourceVersion } = object;
    const place = namespace === undefined ? { name } : { name, namespace };
    const version = wanted.exactVersion ? { uid, resourceVersion } : { uid };
    try {
      const metadata = { ...place, ...version };
      const { status } = wanted;
      this.objects.wrote(
        object,
        await client.applyStatus(type, { apiVersion: apiVersion(type), kind, metadata, status }),
      );
    } catch (failure) {
      // It was removed meanwhile.
      if (!KubeError.isNotFound(failure)) throw failure;
    }
  }
}
