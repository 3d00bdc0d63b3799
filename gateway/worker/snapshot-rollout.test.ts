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
  const running: Listener[] = [...workers];
  const log: string[] = [];
  const clock = new ManualClock();
  const rollout = new SnapshotRollout({
    clock,
    encoder: new SnapshotEncoder(),
    log: { error: (_what: unknown, text?: string) => log.push(text ?? '') },
    channels: () => running,
    known: () => [{ kind: 'checks', findings: [] }],
  });
  const applied = (worker: Listener, number: number) =>
    rollout.applied(worker, { epoch: 1, version: number });
  const refused = (worker: Listener, number: number, reason = 'it cannot be compiled') =>
    rollout.refused(worker, { epoch: 1, version: number, reason });
  const end = (worker: Listener) => {
    running.splice(running.indexOf(worker), 1);
    rollout.gone(worker.pid);
  };
  const begin = (pid: number): Listener => {
    const worker = new Listener(pid);
    running.push(worker);
    rollout.introduce(worker);
    return worker;
  };
  /** All workers serve by version 1. */
  const first = async () => {
    const offered = rollout.offer(whole(1));
    for (const worker of running) applied(worker, 1);
    await offered;
  };
  return { workers, clock, rollout, log, applied, refused, end, begin, first };
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
    const { workers, rollout, applied, begin } = world();
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
    assert.deepEqual(begin(3).heard, ['snapshot 2', 'checks']);
  });

  it('is taken back everywhere when one worker refuses it', async () => {
    const { workers, rollout, applied, refused, begin, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    applied(workers[0], 2);
    refused(workers[1], 2);
    assert.equal(await outcome(second), 'it cannot be compiled');
    // Endpoints that come back with it were forgotten, with what the checks had found.
    for (const { heard } of workers)
      assert.deepEqual(heard, ['snapshot 1', 'snapshot 2', 'snapshot 1', 'checks']);
    assert.deepEqual(begin(3).heard, ['snapshot 1', 'checks']);
  });

  it('is not refused by what a worker says late of the one before', async () => {
    const { workers, rollout, applied, refused, log, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    refused(workers[0], 2);
    await assert.rejects(second);
    const third = rollout.offer(whole(3));
    refused(workers[1], 2);
    for (const worker of workers) applied(worker, 1);
    assert.equal(await outcome(third), 'pending');
    for (const worker of workers) applied(worker, 3);
    assert.equal(await outcome(third), 'done');
    assert.deepEqual(log, []);
  });

  it('does not wait for a worker that ended, and ends one that hangs', async () => {
    const { workers, clock, rollout, applied, end, begin } = world();
    const offered = rollout.offer(whole(1));
    applied(workers[0], 1);
    clock.advance(31_000);
    assert.deepEqual(
      workers.map(({ killed }) => killed),
      [false, true],
    );
    end(workers[1]);
    assert.equal(await outcome(offered), 'done');
    const hangs = begin(3);
    clock.advance(61_000);
    assert.deepEqual([workers[0].killed, hangs.killed], [false, true]);
  });

  it('ends a worker that hangs in what another has refused', async () => {
    const { workers, clock, rollout, applied, refused, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    refused(workers[0], 2);
    await assert.rejects(second);
    applied(workers[0], 1);
    clock.advance(31_000);
    assert.deepEqual(
      workers.map(({ killed }) => killed),
      [false, true],
    );
  });

  it('is taken back when it leaves no worker, and never reaches those that come meanwhile', async () => {
    const { workers, rollout, applied, end, begin, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    applied(workers[0], 2);
    end(workers[0]);
    const successor = begin(3);
    applied(successor, 1);
    assert.equal(await outcome(second), 'pending');
    end(workers[1]);
    assert.match(await outcome(second), /every worker that was to compile it ended/);
    assert.ok(!successor.heard.includes('snapshot 2'));
    assert.deepEqual(begin(4).heard, ['snapshot 1', 'checks']);
    applied(successor, 1);
    assert.equal(rollout.inForce, true);
  });

  it('reaches those that come meanwhile when others serve by it', async () => {
    const { workers, rollout, applied, end, begin, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    end(workers[0]);
    const successor = begin(3);
    applied(workers[1], 2);
    assert.equal(await outcome(second), 'done');
    assert.deepEqual(successor.heard, ['snapshot 1', 'checks', 'snapshot 2', 'checks']);
  });

  it('waits for a worker where none runs, and no longer when none will', async () => {
    const { workers, rollout, applied, end, begin, first } = world();
    await first();
    for (const worker of workers) end(worker);
    const second = rollout.offer(whole(2));
    assert.equal(await outcome(second), 'pending');
    const worker = begin(3);
    assert.deepEqual(worker.heard, ['snapshot 2', 'checks']);
    applied(worker, 2);
    assert.equal(await outcome(second), 'done');
    end(worker);
    const third = rollout.offer(whole(3));
    rollout.close();
    assert.equal(await outcome(third), 'the gateway ends');
    assert.equal(await outcome(rollout.offer(whole(4))), 'the gateway ends');
  });

  it('ends a worker that refuses what all serve by, and says so', async () => {
    const { workers, rollout, refused, log, begin, first } = world();
    await first();
    const second = rollout.offer(whole(2));
    const late = begin(3);
    refused(late, 1);
    assert.deepEqual([workers[0].killed, workers[1].killed, late.killed], [false, false, true]);
    assert.match(log.join(), /a worker refused the snapshot in force/);
    assert.equal(await outcome(second), 'pending');
  });

  it('is not decided by an answer to another snapshot of the same version', async () => {
    const { workers, rollout, applied, end, begin, first } = world();
    await first();
    for (const worker of workers) end(worker);
    const worker = begin(3);
    const written = rollout.offer(whole(1));
    applied(worker, 1);
    assert.equal(await outcome(written), 'pending');
    assert.equal(rollout.inForce, false);
    applied(worker, 1);
    assert.equal(await outcome(written), 'done');
  });

  it('ends a worker whose answers are about something else', () => {
    const { workers, rollout, applied } = world();
    rollout.offer(whole(1));
    applied(workers[0], 2);
    applied(workers[1], 1);
    assert.deepEqual([workers[0].killed, workers[1].killed], [true, false]);
  });
});

describe('the rollout of a snapshot after one that ends workers', () => {
  it('waits for a worker when the very first has ended all of them', async () => {
    const { workers, rollout, applied, end, begin } = world();
    const bad = rollout.offer(whole(1));
    for (const worker of workers) end(worker);
    await assert.rejects(bad);
    assert.equal(rollout.takesAtOnce, false);
    const cure = rollout.offer(whole(2));
    assert.equal(await outcome(cure), 'pending');
    applied(begin(3), 2);
    assert.equal(await outcome(cure), 'done');
  });

  it('takes the very first at once only while there was no worker', async () => {
    const { workers, rollout, end, begin } = world();
    for (const worker of workers) end(worker);
    assert.equal(rollout.takesAtOnce, true);
    end(begin(3));
    assert.equal(rollout.takesAtOnce, false);
    assert.equal(await outcome(rollout.offer(whole(1))), 'pending');
  });

  it('brings newcomers the new one alone where nobody serves by the one before', async () => {
    const { workers, rollout, applied, end, begin } = world();
    for (const worker of workers) end(worker);
    await rollout.offer(whole(1));
    // Both end over the first; what waits behind it is not to blame.
    const [third, fourth] = [begin(3), begin(4)];
    const cure = rollout.offer(whole(2));
    end(third);
    const newcomer = begin(5);
    assert.deepEqual(newcomer.heard, ['snapshot 2', 'checks']);
    end(fourth);
    assert.equal(await outcome(cure), 'pending');
    applied(newcomer, 2);
    assert.equal(await outcome(cure), 'done');
  });

  it('goes on when all end over the one before', async () => {
    const { workers, rollout, applied, end, begin } = world();
    for (const worker of workers) end(worker);
    await rollout.offer(whole(1));
    const third = begin(3);
    const cure = rollout.offer(whole(2));
    end(third);
    assert.equal(await outcome(cure), 'pending');
    const newcomer = begin(4);
    assert.deepEqual(newcomer.heard, ['snapshot 2', 'checks']);
    applied(newcomer, 2);
    assert.equal(await outcome(cure), 'done');
  });

  it('is given to no more newcomers once it has ended one', async () => {
    const { workers, rollout, end, begin, first } = world();
    await first();
    for (const worker of workers) end(worker);
    const bad = rollout.offer(whole(2));
    const [third, fourth] = [begin(3), begin(4)];
    end(third);
    const newcomer = begin(5);
    assert.deepEqual(newcomer.heard, ['snapshot 1', 'checks']);
    end(fourth);
    await assert.rejects(bad);
  });

  it('begins with one worker until one is accepted', async () => {
    const { workers, rollout, applied, end, begin, first } = world();
    await first();
    const bad = rollout.offer(whole(2));
    for (const worker of workers) end(worker);
    await assert.rejects(bad);
    const [third, fourth] = [begin(3), begin(4)];
    applied(fourth, 1);
    const again = rollout.offer(whole(2));
    // The one that serves already, for what it ends over is the new one.
    assert.deepEqual(third.heard, ['snapshot 1', 'checks']);
    assert.deepEqual(fourth.heard, ['snapshot 1', 'checks', 'snapshot 2']);
    applied(third, 1);
    end(fourth);
    await assert.rejects(again);
    assert.equal(third.killed, false);
    applied(third, 1);
    const fifth = begin(5);
    applied(fifth, 1);
    const sound = rollout.offer(whole(3));
    applied(third, 3);
    await sound;
    assert.deepEqual(fifth.heard, ['snapshot 1', 'checks', 'snapshot 3', 'checks']);
    applied(fifth, 3);
    const next = rollout.offer(whole(4));
    assert.deepEqual([third.heard.at(-1), fifth.heard.at(-1)], ['snapshot 4', 'snapshot 4']);
    for (const worker of [third, fifth]) applied(worker, 4);
    assert.equal(await outcome(next), 'done');
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
