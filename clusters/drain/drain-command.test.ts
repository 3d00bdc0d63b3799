import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Drain, DrainOrder } from '../../federation/model/drain.ts';
import type { UserError } from '../../federation/model/user-error.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { EAST_REPORT, WEST } from '../../test/fixtures/program-reports.ts';
import type { FederationReport } from '../commands/programs.ts';
import { type DrainFlags, drainCommand, undrainCommand } from './drain-command.ts';
import { type DrainSight, type DrainSite, drainFields, type WrittenOrder } from './drain-site.ts';

const { nowMs: STARTED_MS } = EAST_REPORT;

/** East, which orders drains of itself and of west; its federation service follows them, unless it is deaf. */
class World implements DrainSite {
  captured = new CapturedOutput('json');
  readonly written: (WrittenOrder | undefined)[] = [];
  readonly #report: Partial<FederationReport>;
  readonly #orders = new Map<string, DrainOrder>();
  readonly #drains = new Map<string, Drain>();
  deaf = false;
  nowMs = STARTED_MS;

  constructor(report: Partial<FederationReport> = {}) {
    this.#report = report;
  }

  sight = async (): Promise<DrainSight> => {
    const [own, west] = ['east', 'west'].map((cluster) => this.#drainOf(cluster));
    const report = { ...EAST_REPORT, ...this.#report, nowMs: this.nowMs };
    const peers = report.peers.map((peer) => (peer.cluster === 'west' ? { ...peer, drain: west } : peer));
    return { ...report, drain: own, peers };
  };

  order = async (cluster: string): Promise<DrainOrder | undefined> => this.#orders.get(cluster);

  write = async (cluster: string, order: WrittenOrder | undefined): Promise<void> => {
    this.written.push(order);
    if (order === undefined) this.#orders.delete(cluster);
    else this.#orders.set(cluster, order);
    if (this.deaf) return;
    this.#drains.set(
      cluster,
      order === undefined
        ? { kind: 'returning', sinceMs: this.nowMs, fromPercent: 0 }
        : { kind: 'draining', ...order, fromPercent: 100 },
    );
  };

  close = (): void => {};

  drain(cluster: string, flags: Partial<DrainFlags> = {}): Promise<void> {
    return drainCommand(cluster, { over: '10m', wait: true, ...flags }, this.#context());
  }

  undrain(cluster: string, wait = true): Promise<void> {
    return undrainCommand(cluster, { wait }, this.#context());
  }

  /** Of the last command. */
  result() {
    return JSON.parse(this.captured.stdout);
  }

  #context() {
    this.captured = new CapturedOutput('json');
    return {
      site: this,
      output: this.captured.output,
      now: () => this.nowMs,
      sleep: async (ms: number) => {
        this.nowMs += ms;
      },
    };
  }

  /** Even, and back in 30 s. */
  #drainOf(cluster: string) {
    const drain = this.#drains.get(cluster);
    if (drain === undefined) return undefined;
    const elapsedMs = this.nowMs - drain.sinceMs;
    if (drain.kind === 'returning') return { ...drain, takenPercent: elapsedMs < 30_000 ? 75 : 0 };
    const taken = drain.overMs === 0 ? 100 : Math.min(100, Math.floor((100 * elapsedMs) / drain.overMs));
    return { ...drain, takenPercent: taken };
  }
}

async function failureOf(promise: Promise<void>): Promise<UserError> {
  const [result] = await Promise.allSettled([promise]);
  assert.ok(result?.status === 'rejected');
  return result.reason as UserError;
}

describe('isthmus cluster drain', () => {
  it('orders a drain from now on, and waits until nothing is left', async () => {
    const world = new World();
    await world.drain('west');
    assert.deepEqual(world.written, [{ sinceMs: STARTED_MS, overMs: 600_000 }]);
    assert.equal(world.nowMs - STARTED_MS, 600_000);
    assert.deepEqual(world.result(), {
      ...{ cluster: 'west', scope: 'here', over: '10m', changed: true, takenPercent: 100, kept: [] },
    });
  });

  it('of its own cluster is one in all clusters', async () => {
    const world = new World();
    await world.drain('east', { over: '0s' });
    assert.deepEqual(world.written, [{ sinceMs: STARTED_MS, overMs: 0 }]);
    const { scope, over, takenPercent } = world.result();
    assert.deepEqual([scope, over, takenPercent], ['everywhere', '0s', 100]);
  });

  it('does not wait when it is told not to', async () => {
    const world = new World();
    await world.drain('west', { wait: false });
    assert.equal(world.nowMs, STARTED_MS);
    assert.equal(world.result().takenPercent, 0);
  });

  it('said again goes on where it is; over another time it begins anew', async () => {
    const world = new World();
    await world.drain('west', { wait: false });
    world.nowMs += 300_000;
    await world.drain('west');
    assert.equal(world.written.length, 1);
    assert.equal(world.result().changed, false);
    await world.drain('west', { over: '1m' });
    assert.deepEqual(world.written[1], { sinceMs: STARTED_MS + 600_000, overMs: 60_000 });
  });

  it('is refused for what has hosts nowhere else, which it names', async () => {
    const keys = Array.from({ length: 22 }, (_, index) => `shop/s${index}`);
    const world = new World({ peers: [{ ...WEST, lastMemberOf: keys }] });
    const refusal = await failureOf(world.drain('west'));
    assert.match(refusal.message, /west should not be drained yet: .* host for shop\/s0, .*s19, and 2 more$/);
    assert.match(refusal.hint ?? '', /--force/);
    assert.deepEqual(world.written, []);
  });

  it('is done all the same with --force, and says what stays', async () => {
    const world = new World({ lastMemberOf: ['shop/cart'] });
    await world.drain('east', { force: true });
    assert.match(world.captured.stderr, /warning: no other cluster has a host for shop\/cart: east keeps/);
    assert.deepEqual(world.result().kept, ['shop/cart']);
  });

  it('is refused for a cluster that is not there', async () => {
    const unknown = await failureOf(new World().drain('north'));
    assert.equal(unknown.message, 'east knows no cluster north');
    assert.equal(unknown.hint, 'there are: east, west');
    const left = await failureOf(new World({ peers: [{ ...WEST, reach: 'left' }] }).drain('west'));
    assert.equal(left.message, 'west has left the clusterset');
  });

  for (const over of ['', '10', '25h', '-1s', 'soon']) {
    it(`is wrong usage over ${JSON.stringify(over)}`, async () => {
      const wrong = await failureOf(new World().drain('west', { over }));
      assert.equal(wrong.exitCode, 2);
    });
  }

  it('says when nobody follows the order', async () => {
    const world = new World();
    world.deaf = true;
    const failure = await failureOf(world.drain('west'));
    assert.match(
      failure.message,
      /the order is written, and the federation service of east has not followed/,
    );
    assert.equal(failure.exitCode, 3);
  });
});

describe('isthmus cluster undrain', () => {
  it('takes the order back, and waits until the whole share is there', async () => {
    const world = new World();
    await world.drain('west', { over: '0s' });
    await world.undrain('west');
    assert.equal(world.written[1], undefined);
    assert.equal(world.nowMs - STARTED_MS, 30_000);
    assert.deepEqual(world.result(), {
      ...{ cluster: 'west', scope: 'here', changed: true, takenPercent: 0 },
    });
  });

  it('of what is not drained changes nothing', async () => {
    const world = new World();
    await world.undrain('east');
    assert.deepEqual([world.written, world.result().changed], [[], false]);
  });

  it('says that the peer drains itself', async () => {
    const announcedDrain = { kind: 'draining', sinceMs: 0, overMs: 0, fromPercent: 100 } as const;
    const world = new World({
      peers: [{ ...WEST, announcedDrain: { ...announcedDrain, takenPercent: 100 } }],
    });
    await world.undrain('west');
    assert.match(world.captured.stderr, /west is drained by its own order too: isthmus cluster undrain west/);
  });
});

it('a drain stands in the object with its time', () => {
  assert.deepEqual(drainFields({ sinceMs: STARTED_MS, overMs: 90_000 }), {
    duration: '1m30s',
    since: new Date(STARTED_MS).toISOString(),
  });
});
