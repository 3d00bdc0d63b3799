import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { ask } from '../../test/fixtures/running-cluster.ts';
import { TellingPod } from '../../test/fixtures/telling-pod.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

const HOST = 'payments.shop.svc.clusterset.local';
const IMPORT = { group: 'multicluster.x-k8s.io', kind: 'ServiceImport' };
const mirror = {
  type: 'RequestMirror',
  requestMirror: { backendRef: { name: 'v2', namespace: 'shop', port: 80 } },
};

/**
 * In west are payments and v2, which nobody exports and west's routes lead to; east imports payments, and believes that v2 is
 * offered too, as only one with another picture could.
 */
async function scene(t: TestContext, v2: Partial<TestService> = {}, more: readonly TestService[] = []) {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pods = { payments: await TellingPod.start(t, 'payments'), v2: await TellingPod.start(t, 'v2') };
  const exact = (value: string) => [{ path: { type: 'Exact', value } }];
  const routes = routesOfPayments({
    rules: [
      { backendRefs: [backend('payments', 90), backend('v2', 10)] },
      { matches: exact('/import'), backendRefs: [{ ...backend('v2'), ...IMPORT }] },
      { matches: exact('/copy'), filters: [mirror], backendRefs: [backend('payments')] },
    ],
  });
  const http = { protocol: 'http', offeredBy: [] } as const;
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [
      { ...http, name: 'payments', endpoints: [pods.payments.port], routes },
      { ...http, name: 'v2', endpoints: [pods.v2.port], backendOnly: true, ...v2 },
      ...more,
    ],
  });
  const imported = { protocol: 'http', endpoints: [], offeredBy: ['west'] } as const;
  const east = await mesh.gateway('east', {
    peers: { west: [await west.listenMesh()] },
    services: [
      { ...imported, name: 'payments' },
      { ...imported, name: 'v2' },
    ],
  });
  return { east, west, pods, ports: { east: await east.listenHttp(), west: await west.listenHttp() } };
}

async function podOf(port: number, path: string, host = HOST): Promise<string> {
  const { status, body } = await ask(port, path, host);
  return status === 200 ? (JSON.parse(body) as { pod: string }).pod : String(status);
}

describe('a Service that nobody exports, as a backend', () => {
  it('has its share of the requests, to one in a hundred', async (t) => {
    const { ports } = await scene(t);
    const shares: Record<string, number> = {};
    for (let sent = 0; sent < 200; sent++) {
      const pod = await podOf(ports.west, '/');
      shares[pod] = (shares[pod] ?? 0) + 1;
    }
    assert.deepEqual(shares, { payments: 180, v2: 20 });
  });

  it('keeps its share when a peer offers a service of its name, which a ServiceImport means', async (t) => {
    // The peer cannot be reached, so nothing that is for it is answered with 200.
    const taken: TestService = { name: 'v2', protocol: 'http', endpoints: [], offeredBy: ['east'] };
    const { ports, pods } = await scene(t, {}, [taken]);
    const shares: Record<string, number> = {};
    for (let sent = 0; sent < 20; sent++) {
      const pod = await podOf(ports.west, '/');
      shares[pod] = (shares[pod] ?? 0) + 1;
    }
    assert.deepEqual(shares, { payments: 18, v2: 2 });
    assert.equal(await podOf(ports.west, '/copy'), 'payments');
    while (pods.v2.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await podOf(ports.west, '/import'), '503');
    assert.equal(await podOf(ports.west, '/', 'v2.shop'), '503');
    assert.equal(pods.v2.requests.length, 3);
  });

  it('answers to no name, and is no ServiceImport', async (t) => {
    const { ports } = await scene(t);
    for (const host of ['v2.shop.svc.clusterset.local', 'v2.shop', 'v2.shop:80']) {
      assert.equal(await podOf(ports.west, '/', host), '404', host);
    }
    assert.equal(await podOf(ports.west, '/import'), '500');
  });

  it('is unknown on a trunk', async (t) => {
    const { west, ports, pods } = await scene(t);
    assert.equal(await podOf(ports.east, '/', 'v2.shop'), '503');
    assert.equal(await podOf(ports.east, '/'), 'payments');
    assert.deepEqual(west.flags, ['UH', '-']);
    assert.equal(pods.v2.requests.length, 0);
  });

  it('gets copies', async (t) => {
    const { ports, pods } = await scene(t);
    assert.equal(await podOf(ports.west, '/copy'), 'payments');
    while (pods.v2.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('has access rules of its own', async (t) => {
    const deny: AccessRule = { ...EVERY_REQUEST, action: 'deny' };
    const { ports } = await scene(t, { access: [deny] });
    const seen = new Set<string>();
    for (let sent = 0; sent < 10; sent++) seen.add(await podOf(ports.west, '/'));
    assert.deepEqual([...seen].sort(), ['403', 'payments']);
  });
});
