import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProvidedService } from '../../clusters/provider.ts';
import { backendGrant, meshRoute } from '../../test/fixtures/mesh-routes.ts';
import { RouteIndex } from './route-index.ts';
import { routeVerdicts } from './route-verdict.ts';

const KEY = 'shop/payments';
const CANARY = 'shop/canary';
const BACKEND = { name: 'canary', namespace: 'shop', port: 80 };
const IMPORT = { ...BACKEND, group: 'multicluster.x-k8s.io', kind: 'ServiceImport' };
const GRANT = {
  from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'far' }],
  to: [{ group: '', kind: 'Service' }],
};

function canary(exportedAtMs?: number): ReadonlyMap<string, ProvidedService> {
  const service: ProvidedService = {
    service: { namespace: 'shop', name: 'canary' },
    type: 'ClusterSetIP',
    ports: [{ name: 'http', port: 80, protocol: 'http', appProtocol: undefined }],
    endpoints: [],
    exportedAtMs,
    changedAtMs: 1,
  };
  return new Map([[CANARY, service]]);
}

/** Of a route of `namespace` at `shop/payments` that leads to the backend. */
function index(
  namespace: string,
  services: ReadonlyMap<string, ProvidedService>,
  { backend = BACKEND, grants = [] }: { backend?: object; grants?: readonly object[] } = {},
): RouteIndex {
  return new RouteIndex({
    meshRoutes: new Map([['route', meshRoute({ namespace, rules: [{ backendRefs: [backend] }] })]]),
    backendGrants: new Map(grants.map((spec) => ['grant', { ...backendGrant(spec), namespace: 'shop' }])),
    services,
  });
}

function fault(found: RouteIndex): string | undefined {
  return found.routesOf(KEY)?.[0]?.rules[0]?.backends[0]?.ref.fault;
}

describe('a backend in the namespace of the parent, of a route of another', () => {
  it('needs a grant where it is a Service that this cluster does not export', () => {
    const refused = index('far', canary());
    assert.equal(fault(refused), 'RefNotPermitted');
    assert.deepEqual([...refused.backendsOf(KEY)], []);
    const [verdict] = routeVerdicts(refused.attachments, new Map(), canary());
    const condition = verdict?.conditions.find(({ type }) => type === 'ResolvedRefs');
    assert.deepEqual([condition?.status, condition?.reason], [false, 'RefNotPermitted']);
    const granted = index('far', canary(), { grants: [GRANT] });
    assert.equal(fault(granted), undefined);
    assert.deepEqual([...granted.backendsOf(KEY)], [CANARY]);
  });

  it('needs none where the clusterset offers it, or where the route is of its namespace', () => {
    assert.equal(fault(index('far', canary(1))), undefined, 'exported');
    assert.equal(fault(index('far', new Map())), undefined, 'of other clusters alone');
    assert.equal(fault(index('far', canary(), { backend: IMPORT })), undefined, 'what the clusterset offers');
    assert.equal(fault(index('shop', canary())), undefined);
  });

  it('may be another tomorrow, when it is exported or no longer', () => {
    const services = new Map(canary());
    const found = index('far', services);
    assert.equal(found.dependsOn(CANARY), false);
    services.set(CANARY, canary(1).get(CANARY) ?? assert.fail());
    assert.equal(found.dependsOn(CANARY), true);
    const settled = index('far', services, { grants: [GRANT] });
    services.delete(CANARY);
    assert.equal(settled.dependsOn(CANARY), false, 'what is granted is so either way');
  });
});
