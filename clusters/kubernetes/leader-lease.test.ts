import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { eventually } from '../../test/fixtures/store-clusters.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { LeaderLease } from './leader-lease.ts';

/** For those who wait until a lead is over. */
const TIMES = { durationMs: 3000, renewDeadlineMs: 1500, retryMs: 100, successionMs: 1500 };
/** By which nobody loses the lead because the machine or the API server stands still for a while. */
const PATIENT = { durationMs: 240_000, renewDeadlineMs: 120_000, retryMs: 100, successionMs: 120_000 };
const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespaced: true };
const NAMESPACE = 'default';

interface StoredLease {
  metadata: { labels?: Record<string, string> };
  spec: { holderIdentity?: string; leaseTransitions?: number; leaseDurationSeconds?: number };
}

it('a replica that asks for the lead waits no longer than it was told, however slow the API server is', async (t) => {
  const clock = new ManualClock();
  const away = () => Promise.reject(new Error('away'));
  const apply = async () => {
    clock.advance(4000);
    return {};
  };
  const lease = new LeaderLease({
    client: { get: away, create: away, update: away, apply, onReturn: () => () => undefined },
    namespace: NAMESPACE,
    name: 'slow',
    identity: 'a',
    clock,
    random: () => 0,
  });
  t.after(() => lease.close());
  const ends: boolean[] = [];
  void lease.takeOver(10_000).then((leads) => ends.push(leads));
  await sleep(0);
  clock.advance(5999);
  await sleep(0);
  assert.deepEqual(ends, []);
  clock.advance(1);
  await sleep(0);
  assert.deepEqual(ends, [false]);
});

it('a candidate leaves the lead to whoever had it before an outage, and takes it from one who stays away', async (t) => {
  const clock = new ManualClock();
  let away = false;
  const metadata = { resourceVersion: '1' };
  const get = async () => {
    if (away) throw new Error('away');
    return { metadata, spec: { holderIdentity: 'leader', leaseDurationSeconds: 15 } };
  };
  const update = async () => ({ metadata });
  const client = { get, create: update, update, apply: update, onReturn: () => () => undefined };
  const lease = new LeaderLease({
    client,
    namespace: NAMESPACE,
    name: 'x',
    identity: 'a',
    clock,
    random: () => 0,
  });
  t.after(() => lease.close());
  const passes = async (seconds: number): Promise<boolean> => {
    for (let second = 0; second < seconds; second++) {
      await sleep(0);
      clock.advance(1000);
    }
    await sleep(0);
    return lease.elected.value;
  };
  assert.equal(await passes(4), false);
  away = true;
  assert.equal(await passes(60), false);
  away = false;
  assert.equal(await passes(14), false);
  assert.equal(await passes(6), true);
});

describe('LeaderLease', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  function candidate(
    t: TestContext,
    name: string,
    identity: string,
    client: KubeClient,
    times = PATIENT,
  ): LeaderLease {
    const lease = new LeaderLease({
      client,
      namespace: NAMESPACE,
      name,
      identity,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      times,
    });
    t.after(() => lease.close());
    return lease;
  }

  const stored = async (t: TestContext, name: string): Promise<StoredLease> =>
    (await suite.server.client(t).get(LEASES, { namespace: NAMESPACE, name })) as StoredLease;

  /** Waits until the lease is there. */
  async function made(t: TestContext, name: string): Promise<void> {
    for (const client = suite.server.client(t); ; await sleep(20)) {
      try {
        await client.get(LEASES, { namespace: NAMESPACE, name });
        return;
      } catch (failure) {
        if (!KubeError.isNotFound(failure)) throw failure;
      }
    }
  }

  it('elects one of several, who hands it on when it ends', async (t) => {
    const replicas = ['a', 'b', 'c'].map((name) => candidate(t, 'handed-on', name, suite.server.client(t)));
    const leading = (): LeaderLease[] => replicas.filter((one) => one.elected.value);
    await eventually('one leads', () => leading().length === 1);
    const [first] = leading();
    await sleep(PATIENT.retryMs * 5);
    assert.deepEqual(leading(), [first]);
    const holder = first?.election.value.holder;
    await eventually('all know who', () =>
      replicas.every(({ election }) => election.value.holder === holder),
    );
    await first?.close();
    assert.equal(first?.mayAct(), false);
    await eventually('another leads', () => leading().length === 1 && leading()[0] !== first);
    const lease = await stored(t, 'handed-on');
    assert.deepEqual(
      [lease.spec.leaseTransitions, lease.spec.leaseDurationSeconds, lease.metadata.labels],
      [1, 240, { 'app.kubernetes.io/managed-by': 'isthmus' }],
    );
    assert.notEqual(lease.spec.holderIdentity, holder);
  });

  it('makes way for the replica that asks, and for no other', async (t) => {
    const [first, second, third] = ['a', 'b', 'c'].map((name) =>
      candidate(t, 'asked-for', name, suite.server.client(t)),
    );
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await eventually('one leads', () => [first, second, third].some(({ elected }) => elected.value));
    for (const asking of [third, first, second, second]) {
      assert.equal(await asking.takeOver(60_000), true);
      const leading: LeaderLease[] = [first, second, third].filter(({ elected }) => elected.value);
      assert.deepEqual(leading, [asking]);
    }
    const { metadata } = (await stored(t, 'asked-for')) as { metadata: { annotations?: object } };
    assert.deepEqual(metadata.annotations ?? {}, {});
    await sleep(PATIENT.retryMs * 5);
    assert.deepEqual([first.elected.value, second.elected.value, third.elected.value], [false, true, false]);
  });

  it('leads again soon when the replica that it made way for is gone', async (t) => {
    const client = suite.server.client(t);
    const lease = candidate(t, 'gone', 'a', client, { ...PATIENT, successionMs: 300 });
    await eventually('it leads', () => lease.elected.value);
    const changes: boolean[] = [];
    lease.elected.watch((elected) => changes.push(elected));
    const metadata = {
      name: 'gone',
      namespace: NAMESPACE,
      annotations: { 'isthmus.io/successor': 'nobody' },
    };
    await client.apply(LEASES, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });
    await eventually('it made way, and leads again', () => changes.join() === 'false,true');
    const { metadata: after } = (await stored(t, 'gone')) as { metadata: { annotations?: object } };
    assert.deepEqual(after.annotations ?? {}, {}, 'and is not asked again');
  });

  it('stops to lead when it cannot renew, before another does', async (t) => {
    const relay = await TcpRelay.start(t, suite.server.port);
    const { token } = suite.server;
    const cutOff = candidate(t, 'cut-off', 'cut-off', suite.server.client(t, token, relay.port), TIMES);
    await eventually('it leads', () => cutOff.mayAct());
    const other = candidate(t, 'cut-off', 'other', suite.server.client(t), TIMES);
    await eventually('the other waits', () => other.election.value.holder === 'cut-off');
    let both = 0;
    const look = (): boolean => {
      if (cutOff.mayAct() && other.mayAct()) both++;
      return other.elected.value;
    };
    relay.freeze();
    await eventually('the other leads', look);
    assert.equal(both, 0);
    assert.deepEqual([cutOff.elected.value, cutOff.standing.value], [false, 'unheard']);
    relay.thaw();
    await eventually('it learns who leads', () => cutOff.election.value.holder === 'other');
    assert.equal(cutOff.standing.value, 'not-elected');
    await eventually('the other leads on', () => other.standing.value === 'elected');
  });

  it('leads again after an API server that restarts, and after its lease was deleted', async (t) => {
    const replica = candidate(t, 'deleted', 'only', suite.server.client(t), TIMES);
    await eventually('it leads', () => replica.elected.value);
    const client = suite.server.client(t);
    await client.delete(LEASES, { namespace: NAMESPACE, name: 'deleted' });
    await made(t, 'deleted');
    await eventually('it leads with a new one', () => replica.elected.value && replica.mayAct());
    await suite.server.kill();
    await eventually('it stops', () => !replica.elected.value);
    assert.equal(replica.standing.value, 'unheard');
    // The last try of a leader may have had less time than a refused connection takes.
    await eventually('it says why', () => /ECONNREFUSED/.test(replica.election.value.problem ?? ''));
    await suite.server.start();
    await eventually('it leads again', () => replica.elected.value, 60_000);
    assert.equal((await stored(t, 'deleted')).spec.holderIdentity, 'only');
  });

  it('finds a renewal of its own whose answer was lost', async (t) => {
    const client = suite.server.client(t);
    let lost = 0;
    const forgetful: Pick<KubeClient, 'get' | 'create' | 'update' | 'apply' | 'onReturn'> = {
      apply: client.apply.bind(client),
      onReturn: client.onReturn.bind(client),
      get: client.get.bind(client),
      create: client.create.bind(client),
      update: async (...args) => {
        const answer = await client.update(...args);
        if (lost++ === 0) throw new Error('the answer was lost');
        return answer;
      },
    };
    const lease = candidate(t, 'lost', 'only', forgetful as KubeClient);
    const changes: boolean[] = [];
    lease.elected.watch((elected) => changes.push(elected));
    await eventually('it goes on', () => lost > 3);
    assert.deepEqual(changes, [true]);
  });
});
