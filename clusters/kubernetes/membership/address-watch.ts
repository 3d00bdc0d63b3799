import type { GatewayAddress } from '../../../federation/model/cluster.ts';
import { type Clock, every } from '../../../federation/runtime/clock.ts';
import { type Readable, Watchable } from '../../../federation/runtime/watchable.ts';
import type { KubeClient } from '../kube-client.ts';
import { ClusterSight, type ClusterSightOptions } from './cluster-sight.ts';
import { followObject } from './followed-object.ts';
import type { FoundAddresses } from './gateway-addresses.ts';
import { SERVICES } from './resource-types.ts';

/** Nodes come and go in minutes; the Service is followed. */
const NODES_LOOK_MS = 30_000;

export interface AddressWatchOptions extends ClusterSightOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Until the first look was taken. */
  readonly initial: readonly GatewayAddress[];
  /** What is wrong; undefined when it is over. */
  readonly problem: (failure: unknown) => void;
}

/** Where peers reach this cluster's gateways, as it changes. What was found last stays while nothing can be found. */
export class AddressWatch {
  readonly #options: AddressWatchOptions;
  readonly #sight: ClusterSight;
  readonly #addresses: Watchable<readonly GatewayAddress[]>;
  readonly #end = new AbortController();
  readonly #following: Promise<void>;
  readonly #stop: () => void;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: AddressWatchOptions) {
    const { client, namespace, gatewayService: name, clock, random, advertise, initial } = options;
    this.#options = options;
    this.#sight = new ClusterSight(options);
    this.#addresses = new Watchable(advertise ?? initial);
    if (advertise !== undefined) {
      this.#following = Promise.resolve();
      this.#stop = () => undefined;
      return;
    }
    const { signal } = this.#end;
    const changed = (): Promise<void> => this.#look();
    const problem = options.problem;
    this.#following = followObject({
      client,
      type: SERVICES,
      namespace,
      name,
      random,
      signal,
      changed,
      problem,
    });
    this.#stop = every(clock, NODES_LOOK_MS, () => void this.#look());
  }

  get addresses(): Readable<readonly GatewayAddress[]> {
    return this.#addresses;
  }

  async close(): Promise<void> {
    this.#stop();
    this.#end.abort();
    await Promise.all([this.#following, this.#looking]);
  }

  #look(): Promise<void> {
    const { signal } = this.#end;
    this.#looking = this.#looking
      .then(() => this.#sight.addresses(signal))
      .then((found) => this.#found(found))
      .catch((failure: unknown) => {
        if (!signal.aborted) this.#options.problem(failure);
      });
    return this.#looking;
  }

  #found(found: FoundAddresses): void {
    if (found.kind === 'none') {
      this.#options.problem(`peers cannot reach this cluster's gateways: ${found.reason}; ${found.hint}`);
      return;
    }
    this.#options.problem(undefined);
    if (JSON.stringify(found.addresses) !== JSON.stringify(this.#addresses.value)) {
      this.#addresses.set(found.addresses);
    }
  }
}
