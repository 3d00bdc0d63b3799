import { stringify } from 'yaml';

/** The namespace that all of the demo's services live in. */
export const NAMESPACE = 'demo';
/** How many services change to measure propagation; each change is one endpoint that becomes ready. */
export const CANARIES = 10;

export const FAILBACK = { holdDownMs: 3_000, steps: [10, 25, 50, 100], intervalMs: 1_000 } as const;

export interface ServicePorts {
  readonly echoPorts: readonly number[];
  readonly streamPort: number;
  readonly grpcPort: number;
  readonly canaryPort: number;
}

interface Manifest {
  readonly name: string;
  readonly text: string;
}

const CREATED = '2026-01-01T00:00:00Z';

function service(name: string, appProtocol: string, port: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE },
    spec: { ports: [{ name: 'http', port, appProtocol }] },
  };
}

function serviceExport(name: string): object {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: { name, namespace: NAMESPACE, creationTimestamp: CREATED },
  };
}

function slice(service: string, suffix: string, port: number, place: Place, ready: boolean): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-${suffix}`,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints: [{ addresses: [place.host], conditions: { ready }, zone: place.zone }],
  };
}

export interface Place {
  readonly host: string;
  readonly zone: string;
}

/** The lost cluster first: whoever asks, it serves alone until it is gone. */
function failoverPolicy(tiers: readonly string[]): object {
  return {
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'FailoverPolicy',
    metadata: { name: 'echo', namespace: NAMESPACE },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'echo' }],
      tiers: tiers.map((cluster) => ({ clusters: [{ name: cluster }] })),
      failback: {
        holdDown: `${FAILBACK.holdDownMs / 1000}s`,
        minHealthy: 70,
        steps: [...FAILBACK.steps],
        interval: `${FAILBACK.intervalMs / 1000}s`,
      },
    },
  };
}

function manifest(name: string, ...objects: object[]): Manifest {
  return { name: `${name}.yaml`, text: objects.map((object) => stringify(object)).join('---\n') };
}

/** What a demo cluster offers beside the echo and the stream that all have. */
export interface Offer {
  /** Clusters in the order in which the echo service's policy prefers them. */
  readonly tiers: readonly string[];
  readonly canaries: number;
  /** The gRPC service is not everywhere, so that some who call it must leave their cluster. */
  readonly greeter: boolean;
}

/** Everything that a demo cluster's resources folder holds at the start. */
export function clusterManifests(ports: ServicePorts, place: Place, offer: Offer): Manifest[] {
  const echoSlices = ports.echoPorts.map((port, index) => slice('echo', `${index + 1}`, port, place, true));
  const canaries = Array.from({ length: offer.canaries }, (_, index) => `canary-${index}`);
  const greeter = manifest(
    'greeter',
    service('greeter', 'grpc', 80),
    serviceExport('greeter'),
    slice('greeter', '1', ports.grpcPort, place, true),
  );
  return [
    manifest('echo', service('echo', 'http', 80), serviceExport('echo'), ...echoSlices),
    manifest('echo-failover', failoverPolicy(offer.tiers)),
    manifest(
      'stream',
      service('stream', 'http', 80),
      serviceExport('stream'),
      slice('stream', '1', ports.streamPort, place, true),
    ),
    ...(offer.greeter ? [greeter] : []),
    ...canaries.map((name) => manifest(name, service(name, 'http', 80), serviceExport(name))),
  ];
}

/** The file that turns one canary's only endpoint on or off. */
export function canarySlice(index: number, ports: ServicePorts, place: Place, ready: boolean): Manifest {
  const name = `canary-${index}`;
  return manifest(`${name}-slice`, slice(name, '1', ports.canaryPort, place, ready));
}
