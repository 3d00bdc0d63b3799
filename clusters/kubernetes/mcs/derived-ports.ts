import type { Clock } from '../../../federation/runtime/clock.ts';
import { Reflector, type ReflectorClient } from '../reflector.ts';
import { MANAGED_BY, MANAGER, SERVICE_NAME, SERVICES } from './mcs-objects.ts';
import { observeService } from './observed.ts';

/** A service port and the port that the gateways listen on for it. */
export interface DerivedPort {
  /** `namespace/name:port`, as trunks name it. */
  readonly target: string;
  readonly port: number;
}

export interface DerivedPortsOptions {
  readonly client: ReflectorClient;
  readonly clock: Clock;
  readonly random: () => number;
}

const SELECTION = { labelSelector: `${MANAGED_BY}=${MANAGER},${SERVICE_NAME}` };

/** The ports that were given to imported services, as the derived Services keep them: each port's `targetPort`. */
export class DerivedPorts {
  readonly #options: DerivedPortsOptions;
  readonly #services: Reflector<readonly DerivedPort[]>;

  constructor(options: DerivedPortsOptions) {
    const { client, clock, random } = options;
    this.#options = options;
    this.#services = new Reflector({
      client,
      types: [SERVICES],
      selection: SELECTION,
      clock,
      random,
      keep: derivedPorts,
      changed: () => undefined,
    });
  }

  /** As far as it was heard; waits for the first listing only. */
  async heard(): Promise<readonly DerivedPort[]> {
    await this.#services.ready;
    return [...this.#services.entries()].flatMap(([, ports]) => ports);
  }

  /** As it is now. @throws KubeError */
  async now(): Promise<readonly DerivedPort[]> {
    const found: DerivedPort[] = [];
    for await (const { items } of this.#options.client.list(SERVICES, SELECTION)) {
      for (const item of items) found.push(...derivedPorts(item));
    }
    return found;
  }

  close(): Promise<void> {
    return this.#services.close();
  }
}

function derivedPorts(object: unknown): readonly DerivedPort[] {
  const { owner, targets } = observeService(object);
  if (owner === undefined) return [];
  return targets.map(({ name, port }) => ({ target: `${owner}:${name}`, port }));
}
