/** Pods of a headless service that share their ports' numbers. */
export interface AddressGroup {
  /** By the name of the service's port: where the pods listen. */
  readonly ports: Readonly<Record<string, number>>;
  readonly hosts: readonly FlatHost[];
}

/** A pod, as clusters of the same network reach it. */
export interface FlatHost {
  readonly address: string;
  /** A DNS label: the pod's own name below the service's. */
  readonly hostname?: string;
  readonly ready: boolean;
}

/**
 * The addresses of a headless service. Clusters that name the same network reach each other's pods without a gateway
 * (as `network` in Istio's topology).
 */
export interface FlatAddresses {
  readonly network: string;
  readonly groups: readonly AddressGroup[];
}
