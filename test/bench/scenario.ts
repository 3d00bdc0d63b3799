import { REALISTIC_HEADERS } from './realistic-headers.ts';

/** How clients and the backend speak; trunks are always mutual TLS. */
export type ClientProtocol = 'h2' | 'h1' | 'grpc' | 'tcp';

/** What is done with engines; `measures.ts` has one measure for each. */
export type MeasureKind = 'requests' | 'messages' | 'handshake' | 'idle' | 'head-of-line' | 'distance';

/** What is measured, and with which load. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** `propagation/` is of the control planes, which the peers do not have. */
  readonly kind: MeasureKind | 'propagation';
  readonly protocol: ClientProtocol;
  readonly connections: number;
  /** At once on each connection. */
  readonly streams: number;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of a request, or of one message of a stream. */
  readonly bodyBytes: number;
  /** The figure whose ratio to the peers' is told: `cpu`, or the name of one, with dots. */
  readonly ratioOf: string;
}

/** Every engine answers to this name; only Isthmus routes by it. */
export const AUTHORITY = 'payments.shop.svc.clusterset.local';

const SMALL = {
  kind: 'requests',
  protocol: 'h2',
  connections: 8,
  streams: 32,
  path: '/',
  headers: [],
  bodyBytes: 0,
  ratioOf: 'cpu',
} as const;

const GRPC = {
  ...SMALL,
  protocol: 'grpc',
  path: '/payments.Payments/Pay',
  headers: [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ],
  bodyBytes: 133,
} as const;

const LARGE = { ...SMALL, connections: 4, streams: 4 } as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...SMALL, name: 'h2', about: 'HTTP/2, 128 bytes back' },
  { ...SMALL, name: 'h2-64x1', about: 'HTTP/2, 128 bytes back', connections: 64, streams: 1 },
  { ...SMALL, name: 'h1', about: 'HTTP/1.1, 128 bytes back', protocol: 'h1', connections: 64, streams: 1 },
  { ...SMALL, name: 'headers', about: 'HTTP/2, 40 request headers', headers: REALISTIC_HEADERS },
  { ...GRPC, name: 'grpc', about: 'gRPC, one message of 128 bytes there and back' },
  {
    ...GRPC,
    name: 'grpc-stream',
    about: 'gRPC, long calls with a message of 128 bytes there and back at a time, told for each message',
    kind: 'messages',
  },
  { ...SMALL, name: 'body-16k', about: 'HTTP/2, 16 KiB back', streams: 8, path: '/files/16k' },
  { ...LARGE, name: 'body-1m', about: 'HTTP/2, 1 MiB back', path: '/files/1m' },
  {
    ...LARGE,
    name: 'body-100m',
    about: 'HTTP/2, 100 MiB back',
    connections: 2,
    streams: 1,
    path: '/files/100m',
  },
  {
    ...SMALL,
    name: 'tcp',
    about: 'an opaque TCP service, 128 bytes there and back at a time on each connection',
    kind: 'messages',
    protocol: 'tcp',
    connections: 64,
    streams: 1,
    bodyBytes: 128,
  },
  {
    ...SMALL,
    name: 'handshake',
    about: 'mutual TLS 1.3 at the edge, X25519, full and resumed; a request is one full handshake',
    kind: 'handshake',
    ratioOf: 'handshake.full.cpuMicros',
  },
  {
    ...SMALL,
    name: 'idle',
    about: 'idle HTTP/1.1 connections at the edge; a request is the opening of one in plaintext',
    kind: 'idle',
    protocol: 'h1',
    ratioOf: 'idle.rssPerConnectionBytes.plaintext',
  },
  {
    ...SMALL,
    name: 'head-of-line',
    about: '500 small requests a second beside a stalled reader and a bulk stream of 40 MiB/s',
    kind: 'head-of-line',
    ratioOf: 'headOfLine.besideP99Ms',
  },
  {
    ...SMALL,
    name: 'distance',
    about: 'one stream of 100 MiB over a link of 100 Mbit/s and 100 ms round-trip time; a request is one MiB',
    kind: 'distance',
    path: '/files/100m',
    ratioOf: 'distance.share',
  },
  {
    ...SMALL,
    name: 'propagation',
    about:
      'endpoints that change in a Kubernetes cluster of 10,000 services with 25 each, to being routed in the peer; ' +
      'a request is the change of one endpoint, its latency that of a pod that became ready, and CPU is that of ' +
      'federation service and gateway; on the same machine are the load, Redis, etcd (GOMAXPROCS=1, no fsync) and ' +
      'kube-apiserver (GOGC=400; slices without managedFields)',
    kind: 'propagation',
    protocol: 'h1',
    ratioOf: 'cpu',
  },
];

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map(({ name }) => name);
