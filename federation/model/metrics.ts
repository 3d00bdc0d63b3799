/** The one list of what Isthmus measures. Dashboards and alerts may use only these names. */

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds for histograms, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const BASE = [
  'source_cluster',
  'destination_cluster',
  'destination_service',
  'destination_namespace',
] as const;
const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const PROPAGATION_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60];

function define(
  kind: MetricKind,
  name: string,
  help: string,
  labels: readonly string[],
  buckets?: readonly number[],
): MetricDefinition {
  return buckets === undefined ? { name, kind, help, labels } : { name, kind, help, labels, buckets };
}

export const METRICS = {
  requests: define('counter', 'isthmus_requests_total', 'Requests by outcome.', [
    ...BASE,
    'protocol',
    'code',
    'flags',
  ]),
  requestDuration: define(
    'histogram',
    'isthmus_request_duration_seconds',
    'From the first byte of a request to the last of its response.',
    [...BASE, 'protocol'],
    LATENCY_SECONDS,
  ),
  requestBytes: define('counter', 'isthmus_request_bytes_total', 'Request body bytes.', BASE),
  responseBytes: define('counter', 'isthmus_response_bytes_total', 'Response body bytes.', BASE),
  connectionsOpen: define('gauge', 'isthmus_connections_open', 'Open downstream connections.', ['listener']),
  tcpConnectionsOpen: define('gauge', 'isthmus_tcp_connections_open', 'Open opaque TCP connections.', BASE),
  trunkUp: define('gauge', 'isthmus_trunk_up', '1 while a trunk to the cluster answers.', ['cluster']),
  trunkRtt: define('gauge', 'isthmus_trunk_rtt_seconds', 'Round trip of the last trunk PING.', ['cluster']),
  trunkStreams: define('gauge', 'isthmus_trunk_streams', 'Open streams on trunks.', ['cluster']),
  tierLoad: define('gauge', 'isthmus_tier_load_ratio', 'Share of traffic a tier gets, 0 to 1.', [
    'destination_service',
    'destination_namespace',
    'tier',
  ]),
  failoverActive: define(
    'gauge',
    'isthmus_failover_active',
    '1 while a tier below the first takes traffic.',
    ['destination_service', 'destination_namespace'],
  ),
  failbacks: define('counter', 'isthmus_failbacks_total', 'Clusters that got their full share back.', [
    'cluster',
  ]),
  endpointHealthy: define('gauge', 'isthmus_endpoint_healthy', 'Healthy hosts as seen here.', [
    'cluster',
    'destination_service',
    'destination_namespace',
  ]),
  endpointEjections: define('counter', 'isthmus_endpoint_ejections_total', 'Outlier ejections.', [
    'destination_service',
    'destination_namespace',
  ]),
  retries: define(
    'counter',
    'isthmus_retries_total',
    'Retries by what came of them; budget-exhausted: none was made, for the budget.',
    [...BASE, 'result'],
  ),
  redispatches: define(
    'counter',
    'isthmus_redispatches_total',
    'Requests sent elsewhere because they were certainly not processed, or are idempotent.',
    BASE,
  ),
  rejected: define('counter', 'isthmus_rejected_total', 'What limits and checks refused, by a fixed word.', [
    'reason',
  ]),
  federationRejected: define(
    'counter',
    'isthmus_federation_rejected_total',
    'Connections that the federation service closed, by a fixed word.',
    ['reason'],
  ),
  overloadStage: define(
    'gauge',
    'isthmus_overload_stage',
    'What the busiest worker sheds: 0 nothing, 1 idle connections, 2 requests too, 3 new connections too.',
    [],
  ),
  heldBytes: define(
    'gauge',
    'isthmus_held_bytes',
    'Bytes that the workers hold for slow readers, unfinished heads and second tries; bounded by maxHeldBytes each.',
    [],
  ),
  peerUp: define('gauge', 'isthmus_peer_up', '1 while the peer cluster is synced.', ['cluster']),
  peerLastSeen: define('gauge', 'isthmus_peer_last_seen_seconds', 'Age of the newest verified head.', [
    'cluster',
  ]),
  drained: define(
    'gauge',
    'isthmus_drained_ratio',
    'How much of its share a drain has taken from a cluster, 0 to 1.',
    ['cluster'],
  ),
  endpointAge: define('gauge', 'isthmus_endpoint_age_seconds', 'Age of what a cluster said of a service.', [
    'cluster',
    'destination_service',
    'destination_namespace',
  ]),
  propagation: define(
    'histogram',
    'isthmus_propagation_seconds',
    'From ready in the source cluster to applied in this gateway.',
    ['source_cluster'],
    PROPAGATION_SECONDS,
  ),
  snapshotVersion: define(
    'gauge',
    'isthmus_snapshot_version',
    'Version of the routing snapshot in force.',
    [],
  ),
  storeUp: define('gauge', 'isthmus_store_up', '1 while the store answers.', []),
  certificateExpiry: define(
    'gauge',
    'isthmus_certificate_expiry_seconds',
    'Time until the certificate expires.',
    ['kind'],
  ),
  trustRotationStage: define(
    'gauge',
    'isthmus_trust_rotation_stage',
    'Stage of the root rotation, 0 = none.',
    [],
  ),
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof METRICS;
