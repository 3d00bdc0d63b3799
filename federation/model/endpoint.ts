import type { Locality } from './cluster.ts';

/** One address of a local service, from an EndpointSlice. Never leaves its cluster except headless or flat. */
export interface Endpoint {
  readonly address: string;
  /** By the service port's name: the port where the endpoint listens. */
  readonly ports: Readonly<Record<string, number>>;
  readonly locality: Locality;
  /** The provider's readiness; serving while terminating counts as degraded. */
  readonly state: EndpointState;
  /** What it can take beside others of its locality, 1 to 1000; absent = 1. */
  readonly weight?: number;
  /** When the provider saw this state, Unix ms. */
  readonly changedAtMs: number;
}

export type EndpointState = 'ready' | 'degraded' | 'unready';

/** `address:port` for a named service port, or undefined where the endpoint does not have it. */
export function endpointTarget(endpoint: Endpoint, portName: string): string | undefined {
  // A port may be called as anything that every object inherits, such as `constructor`.
  const port = Object.hasOwn(endpoint.ports, portName) ? endpoint.ports[portName] : undefined;
  return port === undefined ? undefined : hostPort(endpoint.address, port);
}

export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
