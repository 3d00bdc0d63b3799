import { REALISTIC_HEADERS } from './realistic-headers.ts';

/** How clients and the backend speak; trunks are always mutual TLS. */
export type ClientProtocol = 'h2' | 'h1';

/** What is measured, and with which load. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly protocol: ClientProtocol;
  readonly connections: number;
  /** At once on each connection. */
  readonly streams: number;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The figure whose ratio to the peers' is told: `cpu`, or the name of one, with dots. */
  readonly ratioOf: string;
}

const SMALL = { path: '/', headers: [], ratioOf: 'cpu' } as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...SMALL, name: 'h2', about: 'HTTP/2, 128 bytes', protocol: 'h2', connections: 8, streams: 32 },
  { ...SMALL, name: 'h2-64x1', about: 'HTTP/2, 128 bytes', protocol: 'h2', connections: 64, streams: 1 },
  { ...SMALL, name: 'h1', about: 'HTTP/1.1, 128 bytes', protocol: 'h1', connections: 64, streams: 1 },
  {
    ...SMALL,
    name: 'headers',
    about: 'HTTP/2, 40 request headers, 128 bytes back',
    protocol: 'h2',
    connections: 8,
    streams: 32,
    headers: REALISTIC_HEADERS,
  },
  {
    ...SMALL,
    name: 'body-16k',
    about: 'HTTP/2, 16 KiB',
    protocol: 'h2',
    connections: 8,
    streams: 8,
    path: '/files/16k',
  },
  {
    ...SMALL,
    name: 'body-1m',
    about: 'HTTP/2, 1 MiB',
    protocol: 'h2',
    connections: 4,
    streams: 4,
    path: '/files/1m',
  },
  {
    ...SMALL,
    name: 'body-100m',
    about: 'HTTP/2, 100 MiB',
    protocol: 'h2',
    connections: 2,
    streams: 1,
    path: '/files/100m',
  },
];

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map(({ name }) => name);

/** Every engine answers to this name; only Isthmus routes by it. */
export const AUTHORITY = 'payments.shop.svc.clusterset.local';
