import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Standing } from '../model/standing.ts';
import { RefusalMeter } from '../service/front-refusals.ts';
import { answerLeave, type Leaving } from './leave-request.ts';
import type { FederationState } from './state-report.ts';
import { askToLeave } from './status-client.ts';

function stateOf(publisher: FederationState['store']['publisher'], problem?: string): FederationState {
  return {
    cluster: 'west',
    clusterset: 'mesh.example',
    trustDomain: 'west.mesh.example',
    locality: { region: 'us', zone: 'us-a' },
    nowMs: 1,
    startedAtMs: 0,
    readiness: { kind: 'ready' },
    snapshot: undefined,
    store: { state: 'up', problem, publisher, pendingChanges: 0, exportedServices: 0 },
    peers: [],
    onlyHere: [],
    drain: undefined,
    drainedPercent: 0,
    lastMemberOf: [],
    gateways: [],
    rejectedConnections: new RefusalMeter().counts,
    conflicts: [],
    refusedRecords: [],
    resourceProblems: [],
    certificates: { svidNotAfterMs: undefined, intermediateNotAfterMs: 1, rootNotAfterMs: 1 },
  };
}

const LEADING = { kind: 'leading', epoch: 1, version: 1, publishedAtMs: 1 } as const;

/** A service that counts how often it is made to leave. */
class Service implements Leaving {
  readonly state: () => FederationState;
  readonly #written: Promise<boolean>;
  readonly takeOver: Leaving['takeOver'];
  readonly standing: Leaving['standing'];
  told = 0;

  constructor(
    state: FederationState,
    written: Promise<boolean> = Promise.resolve(true),
    takeOver: Leaving['takeOver'] = () => Promise.resolve(false),
    standing?: Standing,
  ) {
    this.state = () => state;
    this.#written = written;
    this.takeOver = takeOver;
    this.standing = () => standing;
  }

  readonly leave = (): Promise<boolean> => {
    this.told += 1;
    return this.#written;
  };
}

describe('POST /leave', () => {
  it('is obeyed when it names the cluster', async () => {
    const service = new Service(stateOf(LEADING));
    const answer = await answerLeave({ 'isthmus-cluster': 'west' }, service);
    assert.deepEqual(answer, { status: 200, body: { left: true } });
    assert.equal(service.told, 1);
  });

  for (const headers of [{}, { 'isthmus-cluster': 'east' }]) {
    it(`is refused with ${JSON.stringify(headers)}`, async () => {
      const service = new Service(stateOf(LEADING));
      const { status, body } = await answerLeave(headers, service);
      assert.equal(status, 400);
      assert.match(body.reason ?? '', /must name the cluster, west/);
      assert.equal(service.told, 0);
    });
  }

  it('is refused by a replica that does not lead', async () => {
    const service = new Service(stateOf({ kind: 'standby', leader: 'replica-2' }));
    const { status, body } = await answerLeave({ 'isthmus-cluster': 'west' }, service);
    assert.equal(status, 409);
    assert.match(body.reason ?? '', /another replica publishes for west: replica-2/);
    assert.equal(body.code, 'other-replica');
    assert.equal(service.told, 0);
  });

  it('is obeyed by a replica for which the one that leads makes way', async () => {
    const service = new Service(stateOf({ kind: 'standby', leader: 'b' }), undefined, async () => true);
    assert.equal((await answerLeave({ 'isthmus-cluster': 'west' }, service)).status, 200);
    const away = new Service(stateOf({ kind: 'standby', leader: 'b' }), undefined, async () => {
      throw new Error('the API server is away');
    });
    assert.equal((await answerLeave({ 'isthmus-cluster': 'west' }, away)).status, 409);
    assert.deepEqual([service.told, away.told], [1, 0]);
  });

  const AWAY = { kind: 'disconnected' } as const;
  for (const { publisher, standing, makesWay, status } of [
    { publisher: AWAY, standing: 'not-elected', makesWay: false, status: 409 },
    { publisher: AWAY, standing: 'not-elected', makesWay: true, status: 200 },
    { publisher: AWAY, standing: 'unheard', makesWay: false, status: 409 },
    { publisher: AWAY, standing: 'elected', makesWay: false, status: 200 },
    { publisher: AWAY, standing: undefined, makesWay: false, status: 200 },
    { publisher: LEADING, standing: 'unheard', makesWay: false, status: 200 },
    { publisher: LEADING, standing: 'not-elected', makesWay: false, status: 409 },
  ] as const) {
    const who = `${publisher.kind}, ${standing ?? 'elected by the store'}`;
    it(`is answered with ${status} when ${who}, and a leader ${makesWay ? 'makes' : 'makes no'} way`, async () => {
      const service = new Service(stateOf(publisher), undefined, async () => makesWay, standing);
      const answer = await answerLeave({ 'isthmus-cluster': 'west' }, service);
      assert.equal(answer.status, status);
      assert.equal(service.told, status === 200 ? 1 : 0);
    });
  }

  it('is refused when another replica comes to write before the store took it', async () => {
    const service = new Service(stateOf(LEADING), Promise.resolve(false));
    const { status, body } = await answerLeave({ 'isthmus-cluster': 'west' }, service);
    assert.deepEqual([status, body.left, body.code], [409, false, 'other-replica']);
  });

  it('answers although the store does not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const service = new Service(stateOf(LEADING, 'the store is away'), new Promise(() => {}));
    const answering = answerLeave({ 'isthmus-cluster': 'west' }, service);
    t.mock.timers.tick(10_000);
    const { status, body } = await answering;
    assert.equal(status, 202);
    assert.match(
      body.reason ?? '',
      /^the store is away; it is said as soon as the store takes it, unless another replica leads by then$/,
    );
  });

  it('comes before whoever asked gives up, also if another makes way at the last moment', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const slow: Leaving['takeOver'] = (timeoutMs) =>
      new Promise((resolve) => setTimeout(() => resolve(true), timeoutMs));
    const service = new Service(stateOf({ kind: 'standby', leader: 'b' }), new Promise(() => {}), slow);
    let answered = false;
    const answering = answerLeave({ 'isthmus-cluster': 'west' }, service).finally(() => {
      answered = true;
    });
    let tookMs = 0;
    for (; !answered; tookMs += 1000) {
      t.mock.timers.tick(1000);
      await new Promise(setImmediate);
    }
    assert.equal((await answering).status, 202);
    t.mock.timers.reset();
    const patience = t.mock.method(AbortSignal, 'timeout');
    await assert.rejects(askToLeave({ host: '127.0.0.1', port: 1 }, 'west'), /no federation service answers/);
    const [patienceMs = 0] = patience.mock.calls[0]?.arguments ?? [];
    assert.ok(patienceMs > tookMs, `${patienceMs} ms for what takes ${tookMs} ms`);
  });
});
