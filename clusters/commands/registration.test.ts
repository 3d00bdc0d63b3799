import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import type { Component, GatewayCount, Release, ReleaseSite } from '../context/kubernetes-site.ts';
import type { PodSight } from '../context/pod-sight.ts';
import type { ExecResult } from '../kubernetes/pod-exec.ts';
import { type CheckStep, failed, ok, warning } from './check-step.ts';
import { type Registration, type RegistrationPlan, register } from './registration.ts';

const TOKEN = 'isthmus-token-that-nobody-may-see';
const PLAN: RegistrationPlan = {
  cluster: 'west',
  clusterset: 'mesh.example',
  namespace: undefined,
  timeoutMs: 10_000,
};

/** Fake, at the rim only: a Kubernetes cluster whose pods answer as told. */
class FakeSite implements ReleaseSite {
  readonly context: string;
  readonly flags = '--context at';
  readonly helmFlags = '--kube-context at';
  readonly server = 'https://api.example';
  readonly calls: { readonly args: string; readonly stdin: string | undefined }[] = [];
  found: readonly Release[];
  clusterset: string | undefined;
  peer: string;
  reach = 'synced';
  health = 'steady';
  count: GatewayCount = { ready: 2, wanted: 2 };
  /** How often `join` fails before it does not. */
  refusals = 0;
  readiness: object = { kind: 'ready' };
  nowMs = 1_000_000;
  lastSeenMs = 1_000_000;
  /** What the programs say beside their results. */
  stderr = '';
  closed = false;
  root: readonly string[] = ['a-root'];
  trunk: object | null = { up: true, sinceMs: 0, rttSeconds: 0.001 };
  svid: object | undefined = { expiresInSeconds: 60 };

  constructor(name: string, peer: string, clusterset?: string) {
    this.context = `at-${name}`;
    this.found = [release(name)];
    this.peer = peer;
    this.clusterset = clusterset;
  }

  async version(): Promise<string> {
    return 'v1.34.0';
  }

  async releases(): Promise<readonly Release[]> {
    return this.found;
  }

  async isMember(): Promise<boolean> {
    return this.clusterset !== undefined;
  }

  async gateways(): Promise<GatewayCount> {
    return this.count;
  }

  async run(_: Release, args: readonly string[], stdin?: string): Promise<ExecResult> {
    this.calls.push({ args: args.join(' '), stdin });
    const [, verb] = args;
    if (verb === 'status') return said(this.#status());
    if (verb === 'invite') return { ...said({ token: TOKEN, cluster: args[2] }), stderr: this.stderr };
    if (verb === 'join' && this.refusals-- > 0) {
      return { stdout: '', stderr: `error: cannot join with ${TOKEN}\nhint: make another\n`, exitCode: 1 };
    }
    this.clusterset = 'mesh.example';
    return said({});
  }

  async pods(_: Release, component: Component): Promise<readonly PodSight[]> {
    return [{ name: `${component}-1`, ready: true, running: true, restarts: 0, problem: undefined }];
  }

  async roots(): Promise<readonly string[]> {
    return this.root;
  }

  async runIn(): Promise<ExecResult> {
    const { peer: cluster, trunk, svid } = this;
    return said({
      ready: true,
      control: { kind: 'connected' },
      workers: [1],
      snapshot: { epoch: 1, version: 1, services: 0 },
      svid,
      peers: [{ cluster, trunk }],
    });
  }

  close(): void {
    this.closed = true;
  }

  #status(): object {
    const { clusterset, peer: cluster, reach, health, readiness, nowMs, lastSeenMs } = this;
    const peers = [{ cluster, reach, health: { kind: health }, lastSeenMs }];
    return { clusterset, federation: { readiness, store: { state: 'up' }, peers, nowMs } };
  }
}

function release(cluster: string): Release {
  return {
    namespace: 'isthmus-system',
    instance: 'isthmus',
    cluster,
    membershipSecret: 'isthmus-membership',
    clustersetConfigMap: 'isthmus-clusterset',
    electionLease: 'isthmus-federation',
    gatewayService: 'isthmus-gateway',
    gatewayPortName: 'mesh',
    advertise: undefined,
  };
}

function said(value: object): ExecResult {
  return { stdout: JSON.stringify(value), stderr: '', exitCode: 0 };
}

/** Both clusters, and the registration with a clock that only sleeping moves. */
function scene(clustersets: { readonly west?: string; readonly east?: string } = {}) {
  const west = new FakeSite('west', 'east', clustersets.west);
  const east = new FakeSite('east', 'west', clustersets.east);
  const told: string[] = [];
  const addresses: Record<'joiner' | 'home', CheckStep> = {
    joiner: ok('gateway address', '10.0.0.1:15443'),
    home: ok('gateway address', '10.0.0.2:15443'),
  };
  let nowMs = 0;
  const run = (plan: Partial<RegistrationPlan> = {}): Promise<Registration> =>
    register(
      { ...PLAN, ...plan },
      {
        joiner: west,
        home: east,
        gatewayAddress: async (site) => addresses[site],
        now: () => nowMs,
        sleep: async (ms) => {
          nowMs += ms;
        },
        progress: (doing) => told.push(doing),
      },
    );
  return { west, east, told, addresses, run };
}

function failureOf({ failure, steps }: Registration): UserError {
  assert.ok(failure !== undefined);
  assert.ok(failure.error instanceof UserError);
  const last = steps.at(-1);
  assert.ok(last?.state === 'failed');
  assert.equal(last.detail, failure.error.message);
  assert.equal(last.cure, failure.error.hint);
  return failure.error;
}

function warningsIn({ steps }: Registration): readonly string[] {
  return steps.filter(({ state }) => state === 'warning').map(({ name, detail }) => `${name}: ${detail}`);
}

const verbs = (site: FakeSite): string[] => site.calls.map(({ args }) => args.split(' ')[1] ?? '');

describe('a registration', () => {
  it('founds the clusterset, joins, and waits for both, in that order', async () => {
    const { west, east, run } = scene();
    const registration = await run();
    assert.equal(registration.failure, undefined);
    assert.deepEqual(
      registration.steps.map(({ name, state }) => `${name}: ${state}`),
      [
        'API server of at-west: ok',
        'API server of at-east: ok',
        'release in at-west: ok',
        'release in at-east: ok',
        'clusterset: ok',
        'membership: ok',
        'invitation: ok',
        'join: ok',
        'gateway address of west: ok',
        'gateway address of east: ok',
        'west with east: ok',
        'east with west: ok',
      ],
    );
    assert.equal(east.calls[0]?.args, 'cluster init east --clusterset mesh.example --output json');
    assert.deepEqual(verbs(east), ['init', 'invite', 'status']);
    assert.deepEqual(verbs(west), ['join', 'status']);
    assert.deepEqual([registration.joined, registration.clusterset], [true, 'mesh.example']);
  });

  it('hands the token over on stdin, and shows it nowhere, not when the other repeats it either', async () => {
    const { west, east, told, run } = scene({ east: 'mesh.example' });
    west.refusals = 100;
    const registration = await run();
    const join = west.calls.find(({ args }) => args.startsWith('cluster join'));
    assert.equal(join?.stdin, TOKEN);
    assert.match(failureOf(registration).message, /^west: cannot join with \[token\]$/);
    const shown = JSON.stringify([registration, told, west.calls.map(({ args }) => args), east.calls]);
    assert.ok(!shown.includes(TOKEN));
    assert.equal(registration.failure?.during, 'joining');
  });

  it('tries to join again with the same invitation', async () => {
    const { west, east, run } = scene({ east: 'mesh.example' });
    west.refusals = 2;
    assert.equal((await run()).joined, true);
    assert.deepEqual(verbs(west), ['join', 'join', 'join', 'status']);
    assert.deepEqual(verbs(east), ['status', 'invite', 'status']);
  });

  it('does nothing but look where the cluster is a member already', async () => {
    const { west, east, run } = scene({ west: 'mesh.example', east: 'mesh.example' });
    const registration = await run();
    assert.deepEqual([registration.failure, registration.joined], [undefined, false]);
    assert.deepEqual([...new Set([...verbs(west), ...verbs(east)])], ['status']);
  });

  it('refuses a member of another clusterset', async () => {
    const { west, run } = scene({ west: 'other.example', east: 'mesh.example' });
    assert.match(failureOf(await run()).message, /^west is a member of another clusterset, other\.example$/);
    assert.deepEqual(verbs(west), ['status']);
  });

  it('knows two clustersets of one name by their roots', async () => {
    const { west, run } = scene({ west: 'mesh.example', east: 'mesh.example' });
    west.root = ['another-root'];
    const registration = await run();
    assert.match(failureOf(registration).message, /another clusterset that is called mesh\.example too/);
    assert.deepEqual(verbs(west), ['status']);
  });

  it('changes nothing where a release is missing, is one of two, or is of another cluster', async () => {
    for (const [found, message] of [
      [[], /^context at-west: there is no release of the chart$/],
      [[release('west'), release('middle')], /there are 2 releases/],
      [[release('middle')], /^the cluster of context at-west is called middle, not west$/],
    ] as const) {
      const { west, east, run } = scene();
      west.found = found;
      assert.match(failureOf(await run()).message, message);
      assert.deepEqual([...west.calls, ...east.calls], []);
    }
    const { east, run } = scene();
    east.found = [release('west')];
    assert.match(failureOf(await run()).message, /^both contexts lead to clusters called west$/);
  });

  it('goes on where a cluster is degraded or clocks are apart, and warns of it', async () => {
    const { west, east, run } = scene({ east: 'mesh.example' });
    const readiness = { kind: 'degraded', problems: ['HTTPRoute shop/cart: has no backend'] };
    Object.assign(east, { readiness, lastSeenMs: east.nowMs + 60_000, stderr: `warning: of ${TOKEN}\n` });
    west.refusals = 1;
    const registration = await run();
    assert.deepEqual([registration.failure, registration.joined], [undefined, true]);
    assert.deepEqual(warningsIn(registration), [
      'warning: of [token]',
      'east: the federation service is degraded: HTTPRoute shop/cart: has no backend',
      "east: what west says is dated 60 s ahead of this cluster's clock",
    ]);
  });

  it('warns of gateways without an address before it waits for them', async () => {
    const { addresses, east, run } = scene();
    addresses.joiner = warning('gateway address', 'no load balancer yet', 'look at it');
    addresses.home = failed('gateway address', 'no node is ready', 'see to the nodes');
    east.reach = 'unknown';
    const registration = await run();
    assert.match(failureOf(registration).message, /^what west publishes is unknown$/);
    assert.deepEqual(warningsIn(registration), [
      'gateway address of west: no load balancer yet',
      'gateway address of east: no node is ready',
    ]);
  });

  it('says what is missing when it is a member and the time is over', async () => {
    for (const [change, message] of [
      [{ reach: 'stale' }, /^what west publishes is stale$/],
      [{ health: 'failing' }, /^the trunks to west are down$/],
      [{ peer: 'middle' }, /^west is not known here$/],
      [{ count: { ready: 1, wanted: 2 } }, /^1 of 2 gateways are ready$/],
      [{ svid: undefined }, /^gateway gateway-1 has no certificate yet$/],
      [{ trunk: null }, /^gateway gateway-1 has no trunk to west$/],
      [{ trunk: { up: false, sinceMs: 0, rttSeconds: 0 } }, /^gateway gateway-1 lost its trunk to west$/],
    ] as const) {
      const { east, run } = scene();
      Object.assign(east, change);
      const registration = await run();
      assert.match(failureOf(registration).message, message);
      assert.deepEqual([registration.failure?.during, registration.joined], ['waiting', true]);
    }
  });
});
