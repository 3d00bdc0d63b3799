import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { ONLY_ZOD_REFUSES } from '../../clusters/crds/agreement-cases.ts';
import { SERVICES } from '../../clusters/kubernetes/mcs/mcs-objects.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { PeerView } from '../../federation/store/peer-view.ts';
import { missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import { peerAt } from '../fixtures/routing-snapshot.ts';
import { StatusCluster, type StatusReplica, statusType } from '../fixtures/status-cluster.ts';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
}

interface PolicyObjectStatus {
  ancestors: { ancestorRef: { name: string }; controllerName: string; conditions: Condition[] }[];
}

interface RouteObjectStatus {
  parents: { parentRef: Record<string, unknown>; controllerName: string; conditions: Condition[] }[];
}

interface PeerObjectStatus {
  conditions: Condition[];
  lastSeen: string;
  roundTripMs: number;
  services: number;
  drainedPercent?: number;
}

const OURS = 'isthmus.io/mesh-controller';
const THEIRS = 'example.com/gateway-controller';
const SERVICE = { group: '', kind: 'Service', name: 'cart', port: 80 };
const GATEWAY = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };
/** In so long a controller looks at everything more than twice. */
const QUIET_MS = 5_000;

describe('the status of policies, routes and peers, in a real API', { skip: missingKubeApiServer() }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (end: () => void | Promise<void>) => lifetime.add(end) };
  let cluster: StatusCluster;
  let first: StatusReplica;
  let second: StatusReplica;
  after(() => lifetime.close());

  before(async () => {
    cluster = await StatusCluster.start(owner);
    cluster.publish(['cart', 'till']);
    [first, second] = await Promise.all([cluster.replica(true), cluster.replica(false)]);
  });

  const policy = async (plural: 'failoverpolicies' | 'trafficpolicies', name: string, spec: object) => {
    const kind = plural === 'failoverpolicies' ? 'FailoverPolicy' : 'TrafficPolicy';
    const metadata = { name, namespace: 'shop' };
    await cluster.admin.apply(
      statusType(plural),
      { apiVersion: 'isthmus.io/v1alpha1', kind, metadata, spec },
      admin,
    );
  };
  const failover = (name: string, target: string) =>
    policy('failoverpolicies', name, {
      targetRefs: [{ kind: 'Service', name: target }],
      tiers: [{ clusters: [{ name: 'west' }] }],
    });
  const accepted = async (plural: 'failoverpolicies' | 'trafficpolicies', name: string) =>
    (await cluster.status<PolicyObjectStatus>(plural, name))?.ancestors[0]?.conditions[0];
  const hasReason = async (name: string, reason: string): Promise<boolean> =>
    (await accepted('failoverpolicies', name))?.reason === reason;

  const route = (parentRefs: readonly object[]) =>
    cluster.admin.apply(
      statusType('httproutes'),
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'split', namespace: 'shop' },
        spec: { parentRefs, rules: [{ backendRefs: [{ name: 'till', port: 80 }] }] },
      },
      admin,
    );
  const parents = async () => (await cluster.status<RouteObjectStatus>('httproutes', 'split'))?.parents ?? [];
  /** As another controller would: it reads, and replaces what is its own. */
  const writeTheirs = async (reason: string): Promise<void> => {
    const type = statusType('httproutes');
    const ref = { namespace: 'shop', name: 'split' };
    const found = (await cluster.admin.get(type, ref)) as { metadata: { resourceVersion: string } };
    const others = (await parents()).filter(({ controllerName }) => controllerName !== THEIRS);
    const entry = { parentRef: GATEWAY, controllerName: THEIRS, conditions: [condition(reason)] };
    await cluster.admin.applyStatus(
      type,
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { ...ref, resourceVersion: found.metadata.resourceVersion },
        status: { parents: [...others, entry] },
      },
      { fieldManager: 'their-controller' },
    );
  };
  const writes = (): number => first.writes.length + second.writes.length;
  /** What was to be written before it is written: see `settled`. */
  const quiet = async (what: string): Promise<void> => {
    const before = writes();
    await sleep(QUIET_MS);
    assert.equal(writes(), before, `${what}: ${[...first.writes, ...second.writes].slice(-5).join(', ')}`);
  };

  it('a policy says that it is in force, and the younger of two which one holds', async () => {
    await failover('zebra', 'cart');
    await cluster.until('the older is accepted', () => hasReason('zebra', 'Accepted'));
    // Ages are in whole seconds.
    await sleep(1_100);
    await failover('ant', 'cart');
    await cluster.until('the younger is told', () => hasReason('ant', 'Conflicted'));
    const told = await accepted('failoverpolicies', 'ant');
    assert.equal(told?.status, 'False');
    assert.match(told.message, /FailoverPolicy shop\/zebra is older/);
    assert.equal(told.observedGeneration, 1);
    assert.equal((await accepted('failoverpolicies', 'zebra'))?.status, 'True');
    await cluster.admin.delete(statusType('failoverpolicies'), { namespace: 'shop', name: 'zebra' });
    await cluster.until('the younger holds now', () => hasReason('ant', 'Accepted'));
  });

  it('a target that nobody offers is not found until somebody does', async () => {
    await failover('early', 'ghost');
    await cluster.until('it is not found', () => hasReason('early', 'TargetNotFound'));
    cluster.publish(['cart', 'till', 'ghost']);
    await cluster.until('it is found', () => hasReason('early', 'Accepted'));
  });

  it('what only we refuse is Invalid, and its last good version stays in force', async () => {
    await policy('trafficpolicies', 'tls', { targetRefs: [{ kind: 'Service', name: 'cart' }] });
    const reason = async () => (await accepted('trafficpolicies', 'tls'))?.reason;
    await cluster.until('it is accepted', async () => (await reason()) === 'Accepted');
    const since = (await accepted('trafficpolicies', 'tls'))?.lastTransitionTime;
    assert.match(since ?? '', /Z$/);
    const bad = parse(ONLY_ZOD_REFUSES.spec);
    await policy('trafficpolicies', 'tls', { targetRefs: [{ kind: 'Service', name: 'cart' }], ...bad });
    await cluster.until('it is refused', async () => (await reason()) === 'Invalid');
    const told = await accepted('trafficpolicies', 'tls');
    assert.equal(told?.observedGeneration, 2);
    await cluster.until('what is in force instead is told', async () =>
      /is not one of an authority.*the last good version stays in force/.test(
        (await accepted('trafficpolicies', 'tls'))?.message ?? '',
      ),
    );
    assert.equal(first.provider.trafficPolicies.get('TrafficPolicy/shop/tls')?.upstreamTls, undefined);
  });

  it('a route has an entry of ours beside those of others, until it names us no more', async () => {
    await route([GATEWAY, SERVICE]);
    const ours = async () => (await parents()).find(({ controllerName }) => controllerName === OURS);
    await cluster.until('it is judged', async () => (await ours()) !== undefined);
    const judged = await ours();
    assert.deepEqual(judged?.parentRef, SERVICE);
    assert.deepEqual(
      judged.conditions.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['Accepted', 'True', 'Accepted'],
        ['ResolvedRefs', 'True', 'ResolvedRefs'],
      ],
    );
    await cluster.settled();
    await writeTheirs('Programmed');
    await quiet('an entry of another is no reason to write');
    assert.deepEqual((await ours())?.conditions, judged.conditions);
    cluster.publish(['cart', 'ghost']);
    await cluster.until('the backend is missed', async () =>
      ((await ours())?.conditions ?? []).some(({ reason }) => reason === 'BackendNotFound'),
    );
    assert.equal((await parents()).length, 2);
    cluster.publish(['cart', 'till', 'ghost']);
    await route([GATEWAY]);
    await cluster.until('our entry is gone', async () => (await ours()) === undefined);
    assert.deepEqual(
      (await parents()).map(({ controllerName }) => controllerName),
      [THEIRS],
    );
  });

  it('nobody’s entry is lost where two controllers write at the same time', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const refs = turn % 2 === 0 ? [GATEWAY, SERVICE] : [GATEWAY, { ...SERVICE, port: 81 }];
      await Promise.all([route(refs), again(() => writeTheirs(`Turn${turn}`))]);
    }
    await cluster.until('both have written', async () => {
      const found = await parents();
      const [port] = found.filter(({ controllerName }) => controllerName === OURS);
      return found.length === 2 && port?.parentRef.port === 81;
    });
    const theirs = (await parents()).find(({ controllerName }) => controllerName === THEIRS);
    assert.equal(theirs?.conditions[0]?.reason, 'Turn9');
  });

  it('a route of which something is not supported says what, whole or in part', async () => {
    const extension = { type: 'ExtensionRef', extensionRef: { group: 'x.example', kind: 'F', name: 'f' } };
    const send = (plural: 'httproutes' | 'grpcroutes', kind: string, rules: readonly object[]) =>
      cluster.admin.apply(
        statusType(plural),
        {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind,
          metadata: { name: 'odd', namespace: 'shop' },
          spec: { parentRefs: [SERVICE], rules },
        },
        admin,
      );
    const told = async (plural: 'httproutes' | 'grpcroutes') =>
      ((await cluster.status<RouteObjectStatus>(plural, 'odd'))?.parents[0]?.conditions ?? []).map(
        ({ type, status, reason, message }) => `${type}=${status} ${reason} ${message}`,
      );
    await send('httproutes', 'HTTPRoute', [{ filters: [extension] }, {}]);
    await send('grpcroutes', 'GRPCRoute', [{ filters: [extension] }]);
    await cluster.until('both are judged', async () => {
      const all = [await told('httproutes'), await told('grpcroutes')];
      return all.every((conditions) => conditions.length > 0);
    });
    const what = 'rules[0]: filters[0]: type "ExtensionRef" is not supported';
    assert.ok((await told('grpcroutes')).includes(`Accepted=False UnsupportedValue ${what}`));
    const partly = `PartiallyInvalid=True UnsupportedValue Rule answers 500: ${what}`;
    assert.ok((await told('httproutes')).includes(partly));
    for (const plural of ['httproutes', 'grpcroutes'] as const) {
      await cluster.admin.delete(statusType(plural), { namespace: 'shop', name: 'odd' });
    }
  });

  it("a route's backend is resolved once there is a Service of its name, exported or not", async () => {
    const rules = [
      {
        backendRefs: [
          { name: 'till', port: 80 },
          { name: 'canary', port: 80 },
        ],
      },
    ];
    await cluster.admin.apply(
      statusType('httproutes'),
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'canary', namespace: 'shop' },
        spec: { parentRefs: [SERVICE], rules },
      },
      admin,
    );
    const resolved = async () =>
      (await cluster.status<RouteObjectStatus>('httproutes', 'canary'))?.parents[0]?.conditions.find(
        ({ type }) => type === 'ResolvedRefs',
      );
    await cluster.until('it is missed', async () => (await resolved())?.reason === 'BackendNotFound');
    assert.match((await resolved())?.message ?? '', /shop\/canary.*this cluster has no such Service$/);
    const service = { namespace: 'shop', name: 'canary' };
    await cluster.admin.apply(
      SERVICES,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: service,
        spec: { ports: [{ name: 'http', port: 80, appProtocol: 'http' }] },
      },
      admin,
    );
    await cluster.until('it is there', async () => (await resolved())?.status === 'True');
    await cluster.admin.delete(SERVICES, service);
    await cluster.until('it is gone', async () => (await resolved())?.reason === 'BackendNotFound');
  });

  it('a peer says whether it is connected, trusted and read', async () => {
    const peers = statusType('clusterpeers');
    const object = {
      apiVersion: 'isthmus.io/v1alpha1',
      kind: 'ClusterPeer',
      metadata: { name: 'west' },
      spec: {},
    };
    cluster.peers.set('west', peerView());
    cluster.trunkReports = [[{ cluster: 'west', up: true, sinceMs: 1, rttSeconds: 0.012 }]];
    await cluster.admin.apply(peers, object, admin);
    const status = () => cluster.status<PeerObjectStatus>('clusterpeers', 'west');
    const says = async () =>
      ((await status())?.conditions ?? []).map((one) => `${one.type}=${one.status}`).join(' ');
    await cluster.until(
      'all is well',
      async () => (await says()) === 'Connected=True Trusted=True Synced=True',
    );
    const found = await status();
    assert.deepEqual([found?.roundTripMs, found?.services], [12, 0]);
    cluster.trunkReports = [[{ cluster: 'west', up: false, sinceMs: 2, rttSeconds: 0 }]];
    await cluster.until('the loss is told', async () => (await says()).startsWith('Connected=False'));
  });

  it('a peer that is drained says so, until it is back', async () => {
    const services = ['cart', 'till', 'ghost'];
    const status = () => cluster.status<PeerObjectStatus>('clusterpeers', 'west');
    const drained = async () => (await status())?.conditions.find(({ type }) => type === 'Drained');
    const sinceMs = Date.now() - 60_000;
    const drain = { kind: 'draining', sinceMs, overMs: 0, fromPercent: 100 } as const;
    cluster.publish(services, [peerAt('west', Date.now(), { announcedDrain: drain })]);
    await cluster.until('it is drained', async () => (await drained())?.status === 'True');
    assert.equal((await status())?.drainedPercent, 100);
    const back = { kind: 'returning', sinceMs: Date.now() + 3_600_000, fromPercent: 0 } as const;
    cluster.publish(services, [peerAt('west', Date.now(), { announcedDrain: back })]);
    await cluster.until('it comes back', async () => (await drained())?.reason === 'Returning');
    cluster.publish(services);
    await cluster.until('it is back', async () => (await drained()) === undefined);
    assert.equal((await status())?.drainedPercent, undefined);
  });

  it('what stays is not written, neither by the leader nor by the one that comes after it', async () => {
    await cluster.settled();
    await quiet('nothing changed');
    for (let version = 0; version < 20; version++) cluster.publish(['cart', 'till', 'ghost']);
    await quiet('the snapshots said the same');
    first.leading.set(false);
    second.leading.set(true);
    await quiet('the leader is another one');
    assert.deepEqual(second.writes, []);
    await failover('ant', 'nowhere');
    await cluster.until('the new leader writes', () => hasReason('ant', 'TargetNotFound'));
    assert.deepEqual(second.writes, ['failoverpolicies ant']);
  });

  it('two that both hold themselves for the leader agree', async () => {
    first.leading.set(true);
    const before = writes();
    await failover('ant', 'till');
    await cluster.until('it is in force', () => hasReason('ant', 'Accepted'));
    // The other may still be about to write what it has not heard from this one.
    await cluster.settled();
    await quiet('they agree');
    assert.ok(writes() - before <= 4, `${writes() - before} writes of one change`);
    assert.deepEqual([first.problems, second.problems], [[], []]);
  });
});

const admin = { fieldManager: 'a-person' };

function condition(reason: string): Omit<Condition, 'observedGeneration'> {
  const lastTransitionTime = '2026-01-31T12:00:00Z';
  return { type: 'Accepted', status: 'True', reason, message: '', lastTransitionTime };
}

/** A careful controller reads anew when somebody else was faster. */
async function again(write: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await write();
    } catch (failure) {
      if (!/Conflict/.test(String((failure as { reason?: string }).reason))) throw failure;
    }
  }
}

function peerView(): PeerView {
  return {
    cluster: 'west',
    reach: 'synced',
    head: {
      cluster: 'west',
      epoch: 1,
      version: 1,
      issuedAtMs: Date.now(),
      digest: '0'.repeat(64),
      locality: { region: 'eu', zone: 'eu-b' },
      gateways: [],
      bundleSequence: 3,
      schemaVersion: 1,
    },
    records: new Map(),
    lastSeenMs: Date.now(),
    problem: undefined,
  };
}
