import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { exportedService, FederationWorld } from '../test/fixtures/federation-world.ts';
import { askToLeave } from './admin/status-client.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';
import { MemoryDriver } from './store/memory/memory-driver.ts';

const PAYMENTS = 'shop/payments';
/** What is waited for and never comes fails the suite: of all its tests together, also on a machine that is busy. */
const PATIENCE = { timeout: 180_000 };

function hostsOf(snapshot: RoutingSnapshot, cluster: string, key = PAYMENTS): number | undefined {
  const offer = snapshot.services.get(key)?.offers.find((found) => found.cluster === cluster);
  return offer?.localities.reduce((sum, { healthy }) => sum + healthy, 0);
}

function portOf(snapshot: RoutingSnapshot): number | undefined {
  return snapshot.services.get(PAYMENTS)?.ports[0]?.listenPort;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

async function twoClusters(t: TestContext) {
  const world = await FederationWorld.create(t, ['east', 'west']);
  await world.writeResource('west', 'payments.yaml', exportedService('payments', [{ address: '10.0.0.1' }]));
  const west = await world.start('west');
  const east = await world.start('east');
  return { world, west, east };
}

describe('two federation services', PATIENCE, () => {
  it("tell each other's gateways of their services, first whole, then by deltas", async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    const [first] = gateway.messages;
    assert.equal(first?.kind, 'snapshot');
    const peer = gateway.snapshot.peers.get('west');
    assert.deepEqual(
      [peer?.reach, peer?.health, peer?.gateways],
      ['synced', { kind: 'steady' }, [{ host: '127.0.0.1', port: 15_443 }]],
    );
    const trusted = [...gateway.snapshot.trustBundles.keys()].sort();
    assert.deepEqual(trusted, ['east.mesh.example', 'west.mesh.example']);

    await world.writeResource(
      'west',
      'payments.yaml',
      exportedService('payments', [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]),
    );
    const { kind, snapshot } = await gateway.until((found) => hostsOf(found, 'west') === 2);
    assert.equal(kind, 'delta');
    assert.deepEqual(snapshot.services.get(PAYMENTS)?.endpoints, [], 'addresses stay in their cluster');

    await world.removeResource('west', 'payments.yaml');
    await gateway.until(({ services }) => !services.has(PAYMENTS));
    await until(() => east.service.state.gateways[0]?.ackedVersion === gateway.snapshot.version);
  });

  it('give a service the same port on each gateway, over a restart too', async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => portOf(snapshot) !== undefined);
    const port = portOf(gateway.snapshot);
    await east.close();
    assert.equal(await gateway.ended, status.OK);
    const again = await world.start('east');
    const later = (await world.follow(again, { has: gateway.snapshot })).hello();
    await later.until((snapshot) => portOf(snapshot) !== undefined);
    assert.equal(portOf(later.snapshot), port);
    assert.ok(later.snapshot.epoch > gateway.snapshot.epoch);
    assert.equal(later.messages[0]?.kind, 'snapshot');
  });

  it("tell the own cluster's gateways of its traffic policies, and of their end", async (t) => {
    const { world, east } = await twoClusters(t);
    const kindOf = ({ services }: RoutingSnapshot) => services.get(PAYMENTS)?.traffic.loadBalancing.kind;
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => kindOf(snapshot) === 'power-of-two');
    await world.writeResource(
      'east',
      'traffic.yaml',
      `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { name: payments, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: payments }]
  loadBalancing: { type: Maglev, hashOn: { header: X-User } }
  upstreamTls: { mode: Mutual }
  connectionPool: { maxRequests: 100, connectTimeout: 250ms }
`,
    );
    const { snapshot } = await gateway.until((found) => kindOf(found) === 'maglev');
    assert.deepEqual(snapshot.services.get(PAYMENTS)?.traffic.loadBalancing, {
      kind: 'maglev',
      hashOn: { kind: 'header', name: 'x-user' },
      tableSize: 65_537,
    });
    const traffic = snapshot.services.get(PAYMENTS)?.traffic;
    assert.equal(traffic?.upstreamTls?.mode, 'mutual');
    assert.equal(traffic?.connectionPool?.maxRequests, 100);
    assert.equal(traffic?.connectionPool?.connectTimeoutMs, 250);
    await world.removeResource('east', 'traffic.yaml');
    await gateway.until((found) => kindOf(found) === 'power-of-two');
  });

  it('log a policy that gateways would refuse when it comes and when it goes, and not each time they look', async (t) => {
    const { world, east } = await twoClusters(t);
    const lines = () =>
      east.log.map(({ msg }) => String(msg)).filter((line) => line.includes('AccessPolicy/'));
    const rules = `[${Array.from({ length: 100 }, () => '{ action: Allow }').join(', ')}]`;
    const policy = (name: string, target: string): string => `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: shop }
spec: { targetRefs: [{ kind: Service, name: ${target} }], rules: ${rules} }
`;
    const policies = Array.from({ length: 11 }, (_, at) => policy(`p${at}`, 'payments')).join('---\n');
    await world.writeResource('east', 'access.yaml', policies);
    await until(() => lines().length >= 11);
    // What makes a new snapshot of the same service says nothing new of its policies.
    const before = east.service.state.snapshot?.version ?? 0;
    await world.writeResource(
      'west',
      'payments.yaml',
      exportedService('payments', [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]),
    );
    await until(() => (east.service.state.snapshot?.version ?? 0) > before);
    await world.removeResource('east', 'access.yaml');
    await until(() => lines().length >= 22);
    assert.equal(lines().length, 22);
    assert.match(
      lines()[0] ?? '',
      /AccessPolicy\/shop\/p0 does not hold for shop\/payments, as gateways would refuse it: /,
    );
    assert.ok(
      lines()
        .slice(11)
        .every((line) => line.startsWith('no longer: ')),
    );
  });

  it('agree over a conflict: the oldest export holds, and the loser is told', async (t) => {
    const { world, east, west } = await twoClusters(t);
    await world.writeResource(
      'east',
      'payments.yaml',
      exportedService('payments', [{ address: '10.1.0.1' }], { port: 8080, created: '2025-01-01T00:00:00Z' }),
    );
    for (const federation of [east, west]) {
      const gateway = (await world.follow(federation)).hello();
      const { snapshot } = await gateway.until((found) => found.services.get(PAYMENTS)?.offers.length === 2);
      assert.equal(snapshot.services.get(PAYMENTS)?.ports[0]?.port, 8080);
      const [conflict] = federation.service.state.conflicts;
      assert.deepEqual([conflict?.cluster, conflict?.winner], ['west', 'east']);
    }
  });

  it('ignore what a peer publishes outside of its namespaces', async (t) => {
    const { world, east } = await twoClusters(t);
    await world.writeResource(
      'east',
      'west.yaml',
      `apiVersion: isthmus.io/v1alpha1
kind: ClusterPeer
metadata: { name: west }
spec: { allowedNamespaces: [bank] }
`,
    );
    await world.writeResource(
      'west',
      'vault.yaml',
      exportedService('vault', [{ address: '10.0.0.3' }], { namespace: 'bank' }),
    );
    const gateway = (await world.follow(east)).hello();
    await gateway.until(({ services }) => services.has('bank/vault') && !services.has(PAYMENTS));
    assert.deepEqual(
      east.service.state.refusedRecords.map(({ cluster, service }) => [cluster, service]),
      [['west', PAYMENTS]],
    );
  });
});

describe('two replicas of one cluster', PATIENCE, () => {
  it('serve alike, one of them leads, and the other takes over', async (t) => {
    const { world, east } = await twoClusters(t);
    const stateFolder = world.folder('east', 'state-of-the-second');
    const second = await world.start('east', { stateFolder });
    const [first, other] = [await world.follow(east), await world.follow(second)];
    await first.hello().until((snapshot) => portOf(snapshot) !== undefined);
    await other.hello().until((snapshot) => portOf(snapshot) !== undefined);
    assert.deepEqual(other.snapshot.services.get(PAYMENTS), first.snapshot.services.get(PAYMENTS));
    await until(() => second.service.state.store.publisher.kind === 'standby');
    assert.equal(east.service.state.store.publisher.kind, 'leading');
    await east.close();
    await until(() => second.service.state.store.publisher.kind === 'leading');
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.1.0.1' }]));
    await other.until(({ services }) => services.get('shop/cart')?.ports[0]?.listenPort !== undefined);
  });
});

describe('a cluster that leaves', PATIENCE, () => {
  it('takes its services along, and nothing of it is trusted any more', async (t) => {
    const { world, east, west } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    assert.deepEqual(await askToLeave(west.service.addresses.admin, 'west'), { kind: 'left' });
    const { snapshot } = await gateway.until(({ peers }) => peers.get('west')?.reach === 'left');
    await gateway.until(({ services }) => !services.has(PAYMENTS));
    assert.deepEqual([...snapshot.trustBundles.keys()], ['east.mesh.example']);
  });
});

describe('the findings of gateways', PATIENCE, () => {
  it('take a host out of what the cluster says of itself', async (t) => {
    const { world, west, east } = await twoClusters(t);
    const finder = (await world.follow(west)).hello('finder');
    const reader = (await world.follow(east)).hello('reader');
    await reader.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    const finding = { service: PAYMENTS, address: '10.0.0.1:8080', state: 'unhealthy' as const };
    finder.say({ kind: 'health', report: { trunks: [], endpoints: [finding] } });
    const failed = await reader.until((snapshot) => hostsOf(snapshot, 'west') === 0);
    const offer = failed.snapshot.services.get(PAYMENTS)?.offers[0];
    assert.equal(offer?.health.kind, 'failing');
    finder.say({ kind: 'health', report: { trunks: [], endpoints: [] } });
    const back = await reader.until(
      ({ version, services }) =>
        version > failed.snapshot.version && services.get(PAYMENTS)?.offers[0]?.health.kind === 'returning',
    );
    assert.equal(hostsOf(back.snapshot, 'west'), 1);
  });

  it('of a lost trunk make the peer failing, and then returning', async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until(({ peers }) => peers.get('west')?.reach === 'synced');
    const report = (up: boolean): void => {
      const trunk = { cluster: 'west', up, sinceMs: Date.now(), rttSeconds: 0.001 };
      gateway.say({ kind: 'health', report: { trunks: [trunk], endpoints: [] } });
    };
    report(true);
    report(false);
    const lost = await gateway.until(({ peers }) => peers.get('west')?.health.kind === 'failing');
    const failing = lost.snapshot.peers.get('west')?.health;
    report(true);
    const { snapshot } = await gateway.until(({ peers }) => peers.get('west')?.health.kind === 'returning');
    const returning = snapshot.peers.get('west')?.health;
    assert.ok(failing?.kind === 'failing' && returning?.kind === 'returning');
    assert.ok(returning.healthySinceMs > failing.sinceMs);
  });
});

describe('a gateway that follows', PATIENCE, () => {
  it('again gets only what changed meanwhile', async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    const { snapshot } = gateway;
    const again = (await world.follow(east, { has: snapshot })).hello();
    assert.equal(await gateway.ended, status.OK, 'its earlier stream is given up');
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.1.0.1' }]));
    const message = await again.until(({ services }) => services.has('shop/cart'));
    assert.deepEqual([message.kind, again.messages[0]?.kind], ['delta', 'delta']);
  });

  it('and refuses a delta gets everything, and refuses that too gets nothing for now, and is told of', async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    await gateway.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    // What came before it would else keep it from being sent.
    gateway.acknowledges = ({ services }) => !services.has('shop/cart');
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.1.0.1' }]));
    const { snapshot } = await gateway.until(({ services }) => services.has('shop/cart'));
    const seen = gateway.messages.length;
    const { epoch, version } = snapshot;
    gateway.say({ kind: 'nack', epoch, version, reason: 'no\nthanks' });
    await until(() => gateway.messages.length > seen);
    assert.equal(gateway.messages[seen]?.kind, 'snapshot');
    gateway.say({ kind: 'nack', epoch, version, reason: 'still not' });
    await until(() => east.service.state.gateways[0]?.refused?.reason === 'still not');
    assert.equal(east.log.filter(({ msg }) => msg === 'a gateway refused a snapshot').length, 2);
    gateway.say({ kind: 'ack', epoch, version: version + 1 });
    assert.equal(await gateway.ended, status.INVALID_ARGUMENT, 'nothing is sent yet that it could answer');
  });

  it('must say Hello first, and once', async (t) => {
    const { world, east } = await twoClusters(t);
    const rude = (await world.follow(east)).say({ kind: 'ack', epoch: 1, version: 1 });
    assert.equal(await rude.ended, status.INVALID_ARGUMENT);
    const twice = (await world.follow(east)).hello().hello();
    assert.equal(await twice.ended, status.INVALID_ARGUMENT);
  });
});

describe('a federation service without its store', PATIENCE, () => {
  it('serves what was last good, after a restart too, and says what is wrong', async (t) => {
    const { world, west, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    // Its port comes later, when east leads: by then nothing more is to come.
    await gateway.until((snapshot) => hostsOf(snapshot, 'west') === 1 && portOf(snapshot) !== undefined);
    await west.close();
    await east.close();
    const again = await world.start('east');
    const { driver } = again;
    assert.ok(driver instanceof MemoryDriver);
    driver.setReachable(false);
    const later = (await world.follow(again)).hello();
    await later.until((snapshot) => hostsOf(snapshot, 'west') === 1);
    assert.deepEqual(later.snapshot.services.get(PAYMENTS), gateway.snapshot.services.get(PAYMENTS));
    const { admin } = again.service.addresses;
    const ready = await fetch(`http://127.0.0.1:${admin.port}/readyz`);
    assert.equal(ready.status, 200);
    const readiness: unknown = await ready.json();
    assert.match(JSON.stringify(readiness), /"degraded".*store/);
    const metrics = await (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
    assert.match(metrics, /^isthmus_store_up 0$/m);
    assert.match(metrics, /^isthmus_federation_rejected_total\{reason="stranger-limit"\} 0$/m);
    driver.setReachable(true);
    await until(() => again.service.state.readiness.kind === 'ready');
  });

  it('keeps a failing peer failing over a restart', async (t) => {
    const { world, east } = await twoClusters(t);
    const gateway = (await world.follow(east)).hello();
    const sinceMs = Date.now();
    const report = (up: boolean): void => {
      const trunk = { cluster: 'west', up, sinceMs: Date.now(), rttSeconds: 0 };
      gateway.say({ kind: 'health', report: { trunks: [trunk], endpoints: [] } });
    };
    report(true);
    report(false);
    await gateway.until(({ peers }) => peers.get('west')?.health.kind === 'failing');
    await east.close();
    const again = await world.start('east');
    const later = (await world.follow(again)).hello();
    const { snapshot } = await later.until(({ peers }) => peers.has('west'));
    const health = snapshot.peers.get('west')?.health;
    assert.ok(health?.kind === 'failing' && health.sinceMs >= sinceMs);
  });
});
