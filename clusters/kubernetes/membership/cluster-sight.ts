import { z } from 'zod';
import type { GatewayAddress, Locality } from '../../../federation/model/cluster.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import {
  clusterLocality,
  type FoundAddresses,
  gatewayAddresses,
  gatewayServiceSchema,
  type NodeObject,
  nodeSchema,
} from './gateway-addresses.ts';
import { NODES, SERVICES } from './resource-types.ts';

export interface ClusterSightOptions {
  readonly client: Pick<KubeClient, 'get' | 'list'>;
  readonly cluster: string;
  readonly namespace: string;
  readonly gatewayService: string;
  readonly gatewayPortName: string;
  readonly advertise: readonly GatewayAddress[] | undefined;
}

/** What a cluster's own objects say of where it is, and where its gateways are reached. */
export class ClusterSight {
  readonly #options: ClusterSightOptions;

  constructor(options: ClusterSightOptions) {
    this.#options = options;
  }

  /** @throws KubeError */
  async addresses(signal?: AbortSignal): Promise<FoundAddresses> {
    const { advertise, gatewayService: serviceName, gatewayPortName: portName } = this.#options;
    const asked = { advertise, serviceName, portName };
    if (advertise !== undefined) return gatewayAddresses({ ...asked, service: undefined, nodes: [] });
    const service = await this.#service(signal);
    const onNodes = service?.spec.ports?.some(({ nodePort }) => nodePort !== undefined) ?? false;
    return gatewayAddresses({ ...asked, service, nodes: onNodes ? await this.#nodes(signal) : [] });
  }

  /** @throws KubeError */
  async locality(signal?: AbortSignal): Promise<Locality> {
    return clusterLocality(this.#options.cluster, await this.#nodes(signal));
  }

  async #service(signal: AbortSignal | undefined) {
    const { client, namespace, gatewayService: name } = this.#options;
    try {
      return gatewayServiceSchema.parse(await client.get(SERVICES, { namespace, name }, { signal }));
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return undefined;
      throw failure;
    }
  }

  async #nodes(signal: AbortSignal | undefined): Promise<readonly NodeObject[]> {
    const nodes: NodeObject[] = [];
    for await (const { items } of this.#options.client.list(NODES, { signal })) {
      nodes.push(...z.array(nodeSchema).parse(items));
    }
    return nodes;
  }
}
