/** Times of the failback in `shopFailover`, short so that a test can watch it. */
export const FAILBACK = { steps: [25, 50, 75, 100], intervalMs: 4_000 } as const;

export interface Tier {
  readonly clusters: readonly { readonly name: string; readonly weight?: number }[];
}

/** A FailoverPolicy for `shop`: these tiers, in order. */
export function shopFailover(tiers: readonly Tier[], name = 'shop'): string {
  return JSON.stringify({
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'FailoverPolicy',
    metadata: { name, namespace: 'default' },
    spec: {
      targetRefs: [{ kind: 'Service', name: 'shop' }],
      tiers,
      failback: { holdDown: '3s', steps: FAILBACK.steps, interval: `${FAILBACK.intervalMs / 1_000}s` },
    },
  });
}

export const WEST_FIRST: readonly Tier[] = [
  { clusters: [{ name: 'west' }] },
  { clusters: [{ name: 'east' }] },
];
export const EAST_FIRST: readonly Tier[] = [
  { clusters: [{ name: 'east' }] },
  { clusters: [{ name: 'west' }] },
];
export const BOTH_ALIKE: readonly Tier[] = [{ clusters: [{ name: 'east' }, { name: 'west' }] }];

/** A TrafficPolicy for `shop`; what CEL cannot see is whether the text between its marks is a certificate. */
export function shopTraffic(spec: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { name: 'shop', namespace: 'default' },
    spec: { targetRefs: [{ kind: 'Service', name: 'shop' }], ...spec },
  });
}

export const NO_CERTIFICATE = '-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n';

/** Lets in only pods of the namespace `friends`, which it knows by their addresses. */
export const onlyFriends = JSON.stringify({
  apiVersion: 'isthmus.io/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'only-friends', namespace: 'default' },
  spec: {
    targetRefs: [{ kind: 'Service', name: 'web' }],
    callerProof: 'PodAddress',
    rules: [{ action: 'Allow', namespaces: ['friends'] }],
  },
});

/** An HTTPRoute that shares the requests for the import `web` out between it and `web-canary`, by these weights. */
export function canaryRoute(web: number, canary: number): string {
  const ofMcs = { group: 'multicluster.x-k8s.io', kind: 'ServiceImport' };
  const backend = (name: string, weight: number) => ({ ...ofMcs, name, port: 80, weight });
  return JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      parentRefs: [{ ...ofMcs, name: 'web' }],
      rules: [{ backendRefs: [backend('web', web), backend('web-canary', canary)] }],
    },
  });
}
