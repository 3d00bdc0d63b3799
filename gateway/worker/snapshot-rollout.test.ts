import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { deltaFromBytes, deltaToBytes } from '../../federation/wire/delta-message.ts';
import { diffSnapshots } from '../../federation/wire/snapshot-delta.ts';
import { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import { snapshotFromBytes, snapshotToBytes } from '../../federation/wire/snapshot-message.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import type { SnapshotOffer } from '../control/control-plane.ts';
import type { ParentMessage } from './messages.ts';
import { MetricsCollection } from './metrics-collection.ts';
import { SnapshotRollout } from './snapshot-rollout.ts';

const base = testSnapshot({ cluster: 'east', peers: {}, bundles: new Map(), services: [] });
const version = (number: number): RoutingSnapshot => ({ ...base, version: number });
const whole = (number: number): SnapshotOffer => {
  const snapshot = version(number);
  return { snapshot, encoded: { kind: 'snapshot', bytes: snapshotToBytes(snapshot) } };
};

/** A worker of which only what is said to it is looked at. */
class Listener {
  readonly pid: number;
  readonly heard: string[] = [];
  killed = false;

  constructor(pid: number) {
    this.pid = pid;
  }

  send(message: ParentMessage): void {
    if (message.kind === 'snapshot') this.heard.push(`snapshot ${snapshotFromBytes(message.bytes).version}`);
    else if (message.kind === 'delta') this.heard.push(`delta ${deltaFromBytes(message.bytes).version}`);
    else this.heard.push(message.kind);
  }

  kill(): void {
    this.killed = true;
  }
}

function world() {
  const workers = [new Listener(1), new Listener(2)] as const;
  const clock = new ManualClock();
  const rollout = new SnapshotRollout({
    clock,
    encoder: new SnapshotEncoder(),
    channels: () => workers,
    known: () => [{ kind: 'checks', findings: [] }],
  });
  const applied = (worker: Listener, number: number) =>
    rollout.applied(worker, { epoch: 1, version: number });
  return { workers, clock, rollout, applied };
}

/** What has become of a promise so far. */
async function outcome(promise: Promise<void>): Promise<string> {
  const pending = new Promise<string>((resolve) => setImmediate(() => resolve('pending')));
  return Promise.race([
    promise.then(
      () => 'done',
      (error: Error) => error.message,
    ),
    pending,
  ]);
}

describe('the rollout of a snapshot', () => {
  it('is over when every worker has it', async () => {
    const { workers, rollout, applied } = world();
    const offered = rollout.offer(whole(1));
    applied(workers[0], 1);
    assert.equal(await outcome(offered), 'pending');
    assert.equal(rollout.inForce, true);
    applied(workers[1], 1);
    assert.equal(await outcome(offered), 'done');
    const delta = diffSnapshots(version(1), { ...version(2), local: base.local });
    assert.ok(delta !== undefined);
    const encoded = { kind: 'delta', bytes: deltaToBytes(delta) } as const;
    const next = rollout.offer({ snapshot: version(2), encoded });
    assert.equal(rollout.inForce, false);
    for (const worker of workers) applied(worker, 2);
    await next;
    for (const worker of workers) assert.deepEqual(worker.heard, ['snapshot 1', 'delta 2']);
    // Who comes late gets the whole of what the others have come to.
    const late = rollout.introduction();
    assert.ok(late?.kind === 'snapshot');
    assert.deepEqual(snapshotFromBytes(late.bytes), version(2));
  });

  it('is taken back everywhere when one worker refuses it', async () => {
    const { workers, rollout, applied } = world();
    const first = rollout.offer(whole(1));
    for (const worker of workers) applied(worker, 1);
    await first;
    const second = rollout.offer(whole(2));
    applied(workers[0], 2);
    rollout.refused(workers[1], 'it cannot be compiled');
    assert.equal(await outcome(second), 'it cannot be compiled');
    // Endpoints that come back with it were forgotten, with what the checks had found.
    for (const { heard } of workers)
      assert.deepEqual(heard, ['snapshot 1', 'snapshot 2', 'snapshot 1', 'checks']);
    const introduction = rollout.introduction();
    assert.ok(introduction?.kind === 'snapshot');
    assert.equal(snapshotFromBytes(introduction.bytes).version, 1);
  });

  it('does not wait for a worker that ended, and ends one that hangs', async () => {
    const { workers, clock, rollout, applied } = world();
    const offered = rollout.offer(whole(1));
    applied(workers[0], 1);
    clock.advance(30_000);
    assert.deepEqual(
      workers.map(({ killed }) => killed),
      [false, true],
    );
    rollout.gone(2);
    assert.equal(await outcome(offered), 'done');
  });
});

describe('the collection of metrics', () => {
  it('asks every worker once for scrapes that come together, and does not wait for ever', async () => {
    const workers = [new Listener(1), new Listener(2)];
    const clock = new ManualClock();
    const metrics = new MetricsCollection(clock, () => workers);
    const texts = [metrics.text(() => []), metrics.text(() => [])];
    assert.deepEqual(
      workers.map(({ heard }) => heard),
      [['collect'], ['collect']],
    );
    const rejected = {
      name: 'isthmus_rejected_total',
      help: '',
      type: 'counter',
      aggregator: 'sum',
    } as const;
    const family = { ...rejected, values: [{ labels: { reason: 'memory' }, value: 3 }] };
    for (const worker of workers) metrics.collected(worker, 1, [family]);
    for (const text of await Promise.all(texts))
      assert.match(text, /isthmus_rejected_total\{reason="memory"\} 6/);
    const late = metrics.text(() => []);
    metrics.collected(workers[0] ?? assert.fail(), 2, [family]);
    clock.advance(2_000);
    assert.match(await late, /isthmus_rejected_total\{reason="memory"\} 6/);
  });
});
