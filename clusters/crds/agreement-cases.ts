/** An object of one of our own kinds, and what zod and an API server must both say of it. */
export interface AgreementCase {
  readonly kind: 'FailoverPolicy' | 'TrafficPolicy' | 'AccessPolicy' | 'ClusterPeer';
  /** YAML of what `spec` has beside `targetRefs: [{ kind: Service, name: cart }]`. */
  readonly spec: string;
  readonly name?: string;
  /** What is wrong with it; undefined = nothing. */
  readonly wrong?: {
    /** In the words of zod. */
    readonly zod: string;
    /** In the words of the API server; those of zod where a rule in CEL says it. */
    readonly api?: string;
  };
}

/** The whole object, as YAML. */
export function caseText({ kind, spec, name = 'p' }: AgreementCase): string {
  const namespaced = kind !== 'ClusterPeer';
  const targets =
    namespaced && !spec.startsWith('targetRefs') ? 'targetRefs: [{ kind: Service, name: cart }]' : '';
  const metadata = `{ name: ${name}${namespaced ? ', namespace: shop' : ''} }`;
  const body = [targets, spec].filter((line) => line !== '').map((line) => `  ${line}\n`);
  const parts = body.length === 0 ? 'spec: {}\n' : `spec:\n${body.join('')}`;
  return `apiVersion: isthmus.io/v1alpha1\nkind: ${kind}\nmetadata: ${metadata}\n${parts}`;
}

type Wrong = readonly [spec: string, zod: string, api?: string];

function cases(kind: AgreementCase['kind'], good: readonly string[], bad: readonly Wrong[]): AgreementCase[] {
  return [
    ...good.map((spec) => ({ kind, spec })),
    ...bad.map(([spec, zod, api]) => ({ kind, spec, wrong: api === undefined ? { zod } : { zod, api } })),
  ];
}

const MATCH = 'should match';
const DURATION = 'is not a duration such as 30s, 500ms or 1h15m';
const IMPORT = 'multicluster.x-k8s.io';

const failover = cases(
  'FailoverPolicy',
  [
    '',
    `targetRefs: [{ kind: ServiceImport, group: ${IMPORT}, name: cart }, { kind: Service, name: till }]`,
    'tiers: [{ locality: SameZone }, { region: eu, zone: eu-a }, { clusters: [{ name: west }, { name: east, weight: 0 }] }]',
    'tiers: [{ locality: Any, maxShare: 0.5, maxConcurrent: 1 }]',
    'failback: { holdDown: 0s, minHealthy: 0, steps: [0.5, 50, 100], interval: 1h15m }',
    'failback: { steps: [100] }',
    'healthCheck: { tcp: {} }',
    'healthCheck: { grpc: {}, timeout: 250ms }',
    'healthCheck: { http: { path: /, expectedStatus: [200, 204] } }',
    'outlierDetection: { consecutiveFailures: 3, sweepInterval: 1s, baseEjection: 1m, maxEjection: 1h, maxEjectionPercent: 12.5 }',
    'healthCheck: { grpc: { service: shop.Cart }, interval: 1m, unhealthyThreshold: 100, healthyThreshold: 1 }',
    'panicThreshold: 0\n  staleAfter: 1m',
    'overprovisioningFactor: 1',
    'staleAfter: 8760h\n  failback: { holdDown: 8760h, interval: 8760h }',
    'outlierDetection: { consecutiveFailures: 1000000000, sweepInterval: 8760h, baseEjection: 8760h, maxEjection: 8760h }',
    'healthCheck: { tcp: {}, interval: 100ms, timeout: 10ms }',
  ],
  [
    ['targetRefs: []', 'names no target', 'should have at least 1 items'],
    ['targetRefs: [{ kind: Pod, name: cart }]', 'must be one of Service, ServiceImport', 'Unsupported value'],
    ['targetRefs: [{ kind: ServiceImport, name: cart }]', 'the group of a Service is ""'],
    [`targetRefs: [{ kind: Service, group: ${IMPORT}, name: cart }]`, 'the group of a Service is ""'],
    ['targetRefs: [{ kind: Service, name: Cart }]', 'is not a name of at most 63', MATCH],
    [
      `targetRefs: [{ kind: Service, name: ${'a'.repeat(64)} }]`,
      'is not a name of at most 63',
      'may not be more than 63 bytes',
    ],
    ['targetRefs: [{ kind: Service }]', 'name: is missing', 'name: Required value'],
    ['tier: []', 'did you mean tiers?', 'unknown field "spec.tier"'],
    ['tiers: [{ locality: Any, region: eu }]', 'needs exactly one of clusters, locality and region'],
    ['tiers: [{}]', 'needs exactly one of clusters, locality and region'],
    ['tiers: [{ locality: Any, zone: eu-a }]', 'needs its region'],
    ['tiers: [{ locality: Any, maxShare: 30 }]', 'must be at most 1', 'less than or equal to 1'],
    ['tiers: [{ region: "" }]', 'must have at least 1 character', 'at least 1 chars long'],
    ['failback: { steps: [50, 25, 100] }', 'must ascend'],
    ['failback: { steps: [50, 50, 100] }', 'must ascend'],
    ['failback: { steps: [10, 50] }', 'must end with 100'],
    ['failback: { steps: [0, 100] }', 'must be more than 0', 'greater than 0'],
    ['failback: { holdDown: 30 }', DURATION, 'must be of type string'],
    ['failback: { holdDown: 30 s }', DURATION, MATCH],
    ['failback: { holdDown: 1h1h1h1h1h }', DURATION, MATCH],
    ['panicThreshold: 120', 'must be at most 100', 'less than or equal to 100'],
    ['healthCheck: {}', 'needs exactly one of http, grpc and tcp'],
    ['healthCheck: { tcp: {}, grpc: {} }', 'needs exactly one of http, grpc and tcp'],
    ['healthCheck: { http: { path: healthz } }', 'is not a path that begins with /', MATCH],
    ['healthCheck: { tcp: { port: 1 } }', 'unknown key', 'unknown field "spec.healthCheck.tcp.port"'],
    ['staleAfter: 87600h', 'must be at most 8760h'],
    ['failback: { holdDown: 8760h1ms }', 'must be at most 8760h'],
    ['outlierDetection: { maxEjection: 9000h }', 'must be at most 8760h'],
    ['healthCheck: { tcp: {}, interval: 0s }', 'must be from 100ms to 8760h'],
    ['healthCheck: { tcp: {}, timeout: 9ms }', 'must be from 10ms to 8760h'],
    ['healthCheck: { grpc: { service: "a\\u0001" } }', 'has control characters', MATCH],
    [
      'outlierDetection: { consecutiveFailures: 2000000000 }',
      'must be at most 1000000000',
      'less than or equal to 1000000000',
    ],
    ['outlierDetection: { consecutiveFailures: 1.5 }', 'whole number', 'must be of type integer'],
  ],
);

const balancing = cases(
  'TrafficPolicy',
  [
    '',
    'loadBalancing: {}',
    'loadBalancing: { type: RingHash, hashOn: { header: x-user }, ringHash: { minimumRingSize: 5, maximumRingSize: 5 } }',
    'loadBalancing: { type: Maglev, hashOn: { sourceAddress: true }, maglev: { tableSize: 5000011 } }',
    'loadBalancing: { type: Maglev, hashOn: { cookie: { name: session, ttl: 0s } }, maglev: { tableSize: 101 } }',
    'loadBalancing: { type: LeastRequest, leastRequest: { activeRequestBias: 0.5 }, slowStart: {} }',
    'loadBalancing: { type: LeastRequest, leastRequest: { choiceCount: 3 } }',
    'loadBalancing: { slowStart: { window: 1s, minWeightPercent: 5, aggression: 2.5 } }',
    'loadBalancing: { type: Maglev, hashOn: { cookie: { name: session, path: /shop } } }',
    `targetRefs: [{ kind: ServiceImport, group: ${IMPORT}, name: cart }]`,
  ],
  [
    ['loadBalancing: { type: RingHash }', 'RingHash needs hashOn'],
    ['loadBalancing: { type: Maglev }', 'Maglev needs hashOn'],
    ['loadBalancing: { hashOn: { header: x-user } }', 'is only for RingHash, Maglev'],
    [
      'loadBalancing: { type: Maglev, hashOn: { header: x }, slowStart: {} }',
      'is only for PowerOfTwo, RoundRobin, Random, LeastRequest',
    ],
    ['loadBalancing: { leastRequest: {} }', 'is only for LeastRequest'],
    ['loadBalancing: { ringHash: {} }', 'is only for RingHash'],
    ['loadBalancing: { maglev: {} }', 'is only for Maglev'],
    ['loadBalancing: { type: Maglev, hashOn: {} }', 'needs exactly one of header, cookie and sourceAddress'],
    [
      'loadBalancing: { type: Maglev, hashOn: { header: X_Forwarded-Client_cert } }',
      'says nothing of the client',
    ],
    ['loadBalancing: { type: Maglev, hashOn: { header: Isthmus-Caller } }', 'says nothing of the client'],
    [
      'loadBalancing: { type: Maglev, hashOn: { sourceAddress: false } }',
      'can only be true',
      'Unsupported value',
    ],
    [
      'loadBalancing: { type: Maglev, hashOn: { header: x }, maglev: { tableSize: 4980023 } }',
      'is not a prime number',
    ],
    [
      'loadBalancing: { type: Maglev, hashOn: { header: x }, maglev: { tableSize: 65536 } }',
      'is not a prime number',
    ],
    [
      'loadBalancing: { type: RingHash, hashOn: { header: x }, ringHash: { maximumRingSize: 1023 } }',
      'is less than minimumRingSize',
    ],
    ['loadBalancing: { slowStart: { window: 0ms } }', 'must be longer than 0'],
    ['loadBalancing: { slowStart: { window: 9000h } }', 'must be at most 8760h'],
    ['loadBalancing: { type: Maglev, hashOn: { cookie: { name: s, ttl: 9000h } } }', 'must be at most 8760h'],
  ],
);

const CERTIFICATE = '-----BEGIN CERTIFICATE-----';
const KEY = '"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n"';
const NAMES = 'upstreamTls: { mode: Simple, subjectAltNames:';

const connections = cases(
  'TrafficPolicy',
  [
    'upstreamTls: { mode: Mutual }',
    `${NAMES} [{ type: URI, uri: "spiffe://west.mesh.example/ns/shop/sa/cart" }, { type: Hostname, hostname: a.example }] }`,
    'upstreamTls: { mode: Simple, hostname: 1and1.x0 }',
    'connectionPool: {}',
    'connectionPool: { maxConnections: 1, connectTimeout: 10ms, idleTimeout: 24h }',
    'connectionPool: { maxPendingRequests: 1, maxRequests: 1000000, maxRequestsPerConnection: 1 }',
  ],
  [
    ['upstreamTls: {}', 'is missing (one of Simple, Mutual)', 'mode: Required value'],
    ['upstreamTls: { mode: Simple, hostname: 10.0.0.1 }', 'ends in a number, as an IP address does'],
    ['upstreamTls: { mode: Simple, hostname: "7" }', 'ends in a number'],
    ['upstreamTls: { mode: Simple, hostname: "*.example" }', 'is not a DNS name', MATCH],
    ['upstreamTls: { mode: Simple, caCertificates: /etc/ca.pem }', 'has no CERTIFICATE block'],
    [`upstreamTls: { mode: Simple, caCertificates: ${KEY} }`, 'has a PRIVATE KEY block'],
    [`${NAMES} [{ type: URI, hostname: a.example }] }`, 'uri: is missing', 'type URI needs uri'],
    [`${NAMES} [{ type: Hostname }] }`, 'hostname: is missing', 'type Hostname needs hostname'],
    [
      `${NAMES} [{ type: URI, uri: "a:b", hostname: a.example }] }`,
      'hostname: unknown key',
      'type URI has no hostname: remove it',
    ],
    [
      `${NAMES} [{ type: Hostname, uri: "a:b", hostname: a.example }] }`,
      'uri: unknown key',
      'type Hostname has no uri: remove it',
    ],
    [`${NAMES} [] }`, 'is empty: leave it out for the default', 'should have at least 1 items'],
    ['connectionPool: { connectTimeout: 9ms }', 'must be from 10ms to 5m'],
    ['connectionPool: { connectTimeout: 5m1ms }', 'must be from 10ms to 5m'],
    ['connectionPool: { idleTimeout: 999ms }', 'must be from 1s to 24h'],
    ['connectionPool: { maxRequests: 0 }', 'must be at least 1', 'greater than or equal to 1'],
  ],
);

const requests = cases(
  'TrafficPolicy',
  [
    'timeouts: { request: 10s, backendRequest: 10s, idle: 0s }',
    'timeouts: { request: 0s, backendRequest: 2s }',
    'timeouts: { backendRequest: 2s }',
    'retries: {}',
    'retries: { retryOn: [retriable-status-codes], statusCodes: [409], backoff: { base: 1ms, max: 1ms } }',
    'retries: { attempts: 2, idempotentPaths: [/a/*], perTryTimeout: 1s, budget: { percent: 0.5, minConcurrency: 0 } }',
    'rateLimits: [{ requests: 5 }, { per: Caller, requests: 1, interval: 100ms, burst: 2 }]',
    'rateLimits: [{ per: Route, requests: 1 }, { per: RouteAndCaller, requests: 10000000 }]',
    'faultInjection: { delay: { fixed: 2s, percentage: 0.5 }, abort: { httpStatus: 503, percentage: 1 } }',
    'faultInjection: { headers: [{ name: X-Test, value: "1" }], abort: { grpcStatus: UNAVAILABLE, percentage: 100 } }',
  ],
  [
    ['timeouts: { request: 1s, backendRequest: 1001ms }', 'is longer than request'],
    ['timeouts: { idle: 24h1ms }', 'must be at most 24h'],
    ['retries: { backoff: { base: 2s, max: 1s } }', 'is less than base'],
    ['retries: { backoff: { max: 2m } }', 'must be from 1ms to 1m'],
    ['retries: { perTryTimeout: 0s }', 'must be from 1ms to 24h'],
    ['retries: { statusCodes: [500] }', 'needs retriable-status-codes in retryOn'],
    ['retries: { retryOn: [never] }', 'must be one of', 'Unsupported value'],
    ['rateLimits: [{ requests: 1, interval: 99ms }]', 'must be from 100ms to 24h'],
    ['rateLimits: [{ requests: 1, per: Rule }]', 'must be one of', 'Unsupported value'],
    ['faultInjection: {}', 'needs delay or abort'],
    ['faultInjection: { abort: { percentage: 1 } }', 'needs httpStatus or grpcStatus'],
    ['faultInjection: { delay: { fixed: 0s, percentage: 1 } }', 'must be from 1ms to 5m'],
  ],
);

const access = cases(
  'AccessPolicy',
  [
    'rules: [{ action: Allow, sourceClusters: [west] }]',
    'mode: Audit\n  callerProof: PodAddress\n  rules: [{ action: Deny, namespaces: [shop], serviceAccounts: [till, bank/teller], paths: [/shop.Cart/Get] }]',
    `targetRefs: [{ kind: ServiceImport, group: ${IMPORT}, name: cart }]\n  rules: [{ action: Allow }]`,
    'rules: [{ action: Deny, principals: ["spiffe://west.mesh.example/*"], methods: [GET], pathPrefixes: [/] }]',
  ],
  [
    ['', 'rules: is missing', 'rules: Required value'],
    ['rules: []', 'must have at least 1 item', 'should have at least 1 items'],
    ['rules: [{ action: allow }]', 'must be one of Allow, Deny', 'Unsupported value'],
    ['rules: [{ action: Allow, principals: [cart] }]', 'is not a SPIFFE ID', MATCH],
    ['rules: [{ action: Allow, methods: [get] }]', 'is not a method such as GET', MATCH],
    ['rules: [{ action: Allow, pathPrefixes: ["/a b"] }]', 'is not a path that begins with /', MATCH],
    [
      'rules: [{ action: Deny, method: [GET] }]',
      'did you mean methods?',
      'unknown field "spec.rules[0].method"',
    ],
  ],
);

const peers: readonly AgreementCase[] = [
  ...cases(
    'ClusterPeer',
    [
      '',
      'trustDomain: west.mesh.example\n  gateways: ["gateway.west.example:15443"]\n  allowedNamespaces: []',
      'allowedNamespaces: [shop]',
      'gateways: ["[fd00::1]:65535", "10.0.0.1:1"]',
      'drain: {}',
      'drain: { duration: 0s }',
      'drain: { duration: 24h, since: "2026-01-31T12:00:00.5+01:00" }',
    ],
    [
      ['allowedNamespaces: [Shop]', 'is not a name of at most 63', MATCH],
      ['gateways: ["gateway.west.example"]', 'is not host:port', MATCH],
      ['gateways: ["gateway.west.example:65536"]', 'is not host:port', MATCH],
      ['namespaces: [shop]', 'unknown key', 'unknown field "spec.namespaces"'],
      ['drain: { duration: 25h }', 'must be from 0s to 24h'],
      ['drain: { since: yesterday }', 'is not an RFC 3339 time', 'must be of type date-time'],
    ],
  ),
  {
    kind: 'ClusterPeer',
    name: 'west.mesh',
    spec: '',
    wrong: { zod: 'is not a name of at most 63', api: MATCH },
  },
];

/** Every rule in CEL, and every kind of bound, breaks in one of them at least. */
export const AGREEMENT_CASES: readonly AgreementCase[] = [
  ...failover,
  ...balancing,
  ...connections,
  ...requests,
  ...access,
  ...peers,
];

/** What only zod refuses: the API server cannot read certificates. */
export const ONLY_ZOD_REFUSES: AgreementCase = {
  kind: 'TrafficPolicy',
  spec: `upstreamTls: { mode: Simple, caCertificates: "${CERTIFICATE}\\nAAAA\\n-----END CERTIFICATE-----\\n" }`,
  wrong: { zod: 'is not one of an authority' },
};
