import type { Locality } from './cluster.ts';

/** One address of a local service, from an EndpointSlice. Never leaves its cluster except headless or flat. */
export interface Endpoint {
  readonly address: string;
  /** The same pod's, of the other family of a dual-stack Service: DNS tells it, and requests go to `address`. */
  readonly otherAddress?: string;
  /** By the service port's name: the port where the endpoint listens. */
  readonly ports: Readonly<Record<string, number>>;
  readonly locality: Locality;
  /** The provider's readiness; serving while terminating counts as degraded. */
  readonly state: EndpointState;
  /** A DNS label: its own name below a headless service's. */
  readonly hostname?: string;
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

/** A host and a port of it. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const HOST_PORT = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,253})):(\d{1,5})$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
const LOOPBACK_AUTHORITY = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;
const MAX_PORT = 65_535;

/** Reads `HOST:PORT`, IPv6 in brackets; the host in lower case, the port 0 to 65535. undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = HOST_PORT.exec(text.toLowerCase()) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > MAX_PORT ? undefined : { host, port };
}

/** Whether only this machine reaches it. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * As `isLoopback`, of a Host field: with a port, and IPv6 in brackets. A web page that a browser was led to must not
 * reach an endpoint of ours under a name of its own (DNS rebinding).
 */
export function isLoopbackAuthority(authority: string): boolean {
  return LOOPBACK_AUTHORITY.test(authority);
}

export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
