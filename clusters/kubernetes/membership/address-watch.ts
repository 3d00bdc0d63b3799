import type { GatewayAddress } from '../../../federation/model/cluster.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import { type Readable, Watchable } from '../../../federation/runtime/watchable.ts';
import { Reflector, type ReflectorClient, type ReflectorCondition } from '../reflector.ts';
import {
  type FoundAddresses,
  type GatewayServiceObject,
  gatewayAddresses,
  gatewayServiceSchema,
  type NodeObject,
  nodeSchema,
} from './gateway-addresses.ts';
import { NODES, SERVICES } from './resource-types.ts';

export interface AddressWatchOptions {
  readonly client: ReflectorClient;
  readonly namespace: string;
  readonly gatewayService: string;
  readonly gatewayPortName: string;
  readonly advertise: readonly GatewayAddress[] | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** Until something is found. */
  readonly initial: readonly GatewayAddress[];
  /** What is wrong; undefined when it is over. */
  readonly problem: (failure: unknown) => void;
}

/** Nodes change one after another when a cluster is upgraded; peers are told of it once. */
const SETTLE_MS = 100;

/** Where peers reach this cluster's gateways, as it changes. What was found last stays while nothing can be found. */
export class AddressWatch {
  readonly #options: AddressWatchOptions;
  readonly #addresses: Watchable<readonly GatewayAddress[]>;
  readonly #services: Reflector<GatewayServiceObject>;
  readonly #nodes: Reflector<NodeObject>;
  #cancel: (() => void) | undefined;

  constructor(options: AddressWatchOptions) {
    const { client, namespace, gatewayService, clock, random, advertise, initial } = options;
    this.#options = options;
    this.#addresses = new Watchable(advertise ?? initial);
    const common = { client, clock, random, changed: () => this.#later() };
    this.#services = new Reflector({
      ...common,
      types: [SERVICES],
      selection: { namespace, fieldSelector: `metadata.name=${gatewayService}` },
      keep: (object) => gatewayServiceSchema.safeParse(object).data,
    });
    this.#nodes = new Reflector({
      ...common,
      types: [NODES],
      keep: (object) => nodeSchema.safeParse(object).data,
    });
    for (const { condition } of [this.#services, this.#nodes]) condition.watch(() => this.#later());
  }

  get addresses(): Readable<readonly GatewayAddress[]> {
    return this.#addresses;
  }

  async close(): Promise<void> {
    this.#cancel?.();
    await Promise.all([this.#services.close(), this.#nodes.close()]);
  }

  #later(): void {
    this.#cancel ??= this.#options.clock.after(SETTLE_MS, () => {
      this.#cancel = undefined;
      this.#look();
    });
  }

  #look(): void {
    const conditions = [this.#services.condition.value, this.#nodes.condition.value];
    const failing = conditions.find(isFailing);
    if (failing !== undefined) this.#options.problem(failing.message);
    else if (conditions.every(({ kind }) => kind === 'synced')) this.#found(this.#judge());
  }

  #judge(): FoundAddresses {
    const { advertise, namespace, gatewayService: serviceName, gatewayPortName: portName } = this.#options;
    const service = this.#services.get(`${namespace}/${serviceName}`);
    const nodes = [...this.#nodes.entries()].map(([, node]) => node);
    return gatewayAddresses({ advertise, serviceName, portName, service, nodes });
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

function isFailing(
  condition: ReflectorCondition,
): condition is Extract<ReflectorCondition, { kind: 'failing' }> {
  return condition.kind === 'failing';
}
