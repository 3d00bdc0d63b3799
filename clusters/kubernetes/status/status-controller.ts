import type { Clock } from '../../../federation/runtime/clock.ts';
import { isRefusal, KeyedWork } from '../keyed-work.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { apiVersion } from '../mcs/mcs-objects.ts';
import type { StatusObject } from './status-object.ts';
import type { StatusObjects } from './status-objects.ts';
import type { StatusSight, StatusView } from './status-view.ts';
import { type WantedStatus, wantedStatus } from './wanted-status.ts';

/** Fields that may be others at each look, and are no reason to write again at once. */
const PASSING: ReadonlySet<string> = new Set(['lastTransitionTime', 'lastSeen', 'ageSeconds', 'roundTripMs']);

export type StatusClient = Pick<KubeClient, 'applyStatus' | 'onReturn'>;

export interface StatusControllerOptions {
  readonly client: StatusClient;
  /** Whose status is written, as the provider reads them. */
  readonly objects: StatusObjects;
  readonly view: StatusView;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** What is wrong, in sentences; told at each change, empty when nothing is. */
  readonly problems: (problems: readonly string[]) => void;
}

/** The API server took a status, and has it as before: it knows less of the kind than we do. */
class WrittenInVain extends Error {
  constructor() {
    super('the API server left the status as it was: is its CustomResourceDefinition of another release?');
    this.name = 'WrittenInVain';
  }
}

/**
 * Keeps the status of policies, routes and peers in the cluster's own API as the federation service sees them. Only a
 * leader writes, and only what differs.
 */
export class StatusController {
  readonly #objects: StatusObjects;
  readonly #options: StatusControllerOptions;
  readonly #work: KeyedWork;
  readonly #stops: readonly (() => void)[];
  /** By object, of those that fail: what was written without effect. */
  readonly #vain = new Map<string, string>();
  #known = false;
  #closed = false;

  constructor(options: StatusControllerOptions) {
    const { client, objects, view, clock, random, problems } = options;
    this.#options = options;
    this.#objects = objects;
    this.#work = new KeyedWork({
      run: (id) => this.#write(id),
      isTerminal: (failure) => isRefusal(failure) || failure instanceof WrittenInVain,
      clock,
      random,
      andMore: 'statuses are not as they should be',
      problems,
    });
    this.#stops = [
      objects.watch((ids) => this.#look(ids, true)),
      view.watch(() => this.#lookAtAll()),
      view.complete.watch(() => this.#lookAtAll()),
      client.onReturn(() => this.#work.forgive()),
      view.leading.watch((leading) => (leading ? this.#lookAtAll() : this.#work.forgetFailures())),
    ];
    void objects.ready.then(() => {
      this.#known = true;
      this.#lookAtAll();
    });
  }

  /** Ends after what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    await this.#work.close();
  }

  #lookAtAll(): void {
    this.#look(this.#objects.ids, false);
  }

  /** @param changed what failed before may go well now; else it has its own time to be tried again */
  #look(ids: Iterable<string>, changed: boolean): void {
    const { view } = this.#options;
    if (!this.#known || !view.leading.value || this.#closed) return;
    const sight = view.sight();
    for (const id of ids) {
      const wanted = this.#wanted(id, sight);
      // What need not be written any more is no failure any more.
      const isFailing = this.#work.isFailing(id);
      const isDue = wanted !== undefined && (changed || !isFailing || this.#isOther(id, wanted));
      if (isDue || (wanted === undefined && isFailing)) this.#work.add(id);
    }
  }

  #isOther(id: string, wanted: WantedStatus): boolean {
    const vain = this.#vain.get(id);
    return vain !== undefined && vain !== gist(wanted);
  }

  #wanted(id: string, sight: StatusSight): WantedStatus | undefined {
    const { view, clock } = this.#options;
    const object = this.#objects.get(id);
    return object && wantedStatus(object, sight, view.complete.value, clock.now());
  }

  async #write(id: string): Promise<void> {
    const { view } = this.#options;
    const object = this.#objects.get(id);
    this.#vain.delete(id);
    if (object === undefined || !view.leading.value || this.#closed) return;
    const wanted = this.#wanted(id, view.sight());
    if (wanted === undefined) return;
    try {
      await this.#apply(object, wanted);
    } catch (failure) {
      // It was removed meanwhile; where it was not, the kind has no status, or is not served any more.
      if (KubeError.isNotFound(failure) && this.#objects.get(id) === undefined) return;
      throw failure;
    }
    // It differed, and should be another version now.
    if (this.#objects.get(id)?.resourceVersion !== object.resourceVersion) return;
    this.#vain.set(id, gist(wanted));
    throw new WrittenInVain();
  }

  async #apply(object: StatusObject, { status, exactVersion }: WantedStatus): Promise<void> {
    const { kind, type, name, namespace, uid, resourceVersion } = object;
    const place = namespace === undefined ? { name } : { name, namespace };
    const metadata = { ...place, ...(exactVersion ? { uid, resourceVersion } : { uid }) };
    const written = { apiVersion: apiVersion(type), kind, metadata, status };
    this.#objects.wrote(object, await this.#options.client.applyStatus(type, written));
  }
}

/** What a status says, but for what changes by itself. */
function gist({ status }: WantedStatus): string {
  return JSON.stringify(status, (name, value: unknown) => (PASSING.has(name) ? undefined : value));
}
