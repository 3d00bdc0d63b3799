import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PeerReach } from '../model/cluster.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import { ManualClock } from '../runtime/clock.ts';
import { PeerBook } from './peer-book.ts';

/** One peer, `west`, as it is seen through reports of gateways. */
class West {
  readonly clock = new ManualClock();
  book = new PeerBook();
  reach: PeerReach = 'synced';

  /** A gateway reports a trunk that has been in its state since `sinceMs`. */
  says(gateway: string, up: boolean, sinceMs = this.clock.now(), startedAtMs = 1): PeerHealth {
    const finding = { cluster: 'west', up, sinceMs, rttSeconds: 0 };
    this.book.report(gateway, startedAtMs, [finding], this.clock.now());
    return this.health;
  }

  get health(): PeerHealth {
    return this.book.judge('west', this.reach, this.clock.now());
  }
}

describe('a peer', () => {
  it('that was never seen failing is steady', () => {
    const west = new West();
    assert.deepEqual(west.health, { kind: 'steady' });
    assert.deepEqual(west.says('gw-1', false), { kind: 'steady' }, 'a trunk that never was up is not lost');
    assert.deepEqual(west.says('gw-1', true), { kind: 'steady' });
  });

  it('fails at once when half of the gateways lost a trunk that they had, since that moment', () => {
    const west = new West();
    west.says('gw-1', true);
    west.says('gw-2', true);
    west.clock.advance(1000);
    const lostAtMs = west.clock.now();
    assert.deepEqual(west.says('gw-2', false), { kind: 'failing', sinceMs: lostAtMs });
    west.clock.advance(1000);
    assert.deepEqual(west.says('gw-1', false), { kind: 'failing', sinceMs: lostAtMs });
  });

  it('returns when all gateways that report have trunks again, later than each loss', () => {
    const west = new West();
    west.says('gw-1', true);
    west.says('gw-2', true);
    west.clock.advance(1000);
    west.says('gw-1', false);
    west.says('gw-2', false);
    west.clock.advance(5000);
    assert.equal(west.says('gw-1', false).kind, 'failing');
    // The gateway's clock is ahead: its loss and its return are in our future.
    const aheadMs = west.clock.now() + 2000;
    assert.equal(west.says('gw-2', true, aheadMs).kind, 'failing', 'one of two is not most');
    assert.deepEqual(west.says('gw-1', true), { kind: 'returning', healthySinceMs: aheadMs });
    west.clock.advance(1_000_000);
    assert.deepEqual(west.health, { kind: 'returning', healthySinceMs: aheadMs }, 'and stays so');
  });

  it('is not failing for all when fewer than half of the gateways lost it, also between two reports', () => {
    const west = new West();
    for (const gateway of ['gw-1', 'gw-2', 'gw-3']) west.says(gateway, true);
    west.clock.advance(1000);
    assert.deepEqual(west.says('gw-1', false), { kind: 'steady' });
    assert.deepEqual(west.says('gw-1', true), { kind: 'steady' });
    west.clock.advance(1000);
    assert.deepEqual(west.says('gw-1', true), { kind: 'steady' });
    west.says('gw-1', false);
    assert.equal(west.says('gw-2', false).kind, 'failing');
    west.clock.advance(1000);
    assert.equal(west.says('gw-2', true).kind, 'returning', 'though gw-1 is still without');
  });

  it('that is gone is forgotten', () => {
    const west = new West();
    west.says('gw-1', true);
    west.says('gw-1', false);
    west.book.retain(new Map());
    assert.deepEqual(west.book.memory.peers, []);
  });

  it('believes no clock that is far ahead', () => {
    const west = new West();
    west.says('gw-1', true);
    west.says('gw-1', false);
    west.clock.advance(10);
    const nowMs = west.clock.now();
    const health = west.says('gw-1', true, nowMs + 3_600_000);
    assert.deepEqual(health, { kind: 'returning', healthySinceMs: nowMs + 60_000 });
  });

  it('whose trunk was lost and came back between two reports is returning', () => {
    const west = new West();
    west.says('gw-1', true);
    west.clock.advance(4000);
    const upAgainMs = west.clock.now() - 1000;
    assert.deepEqual(west.says('gw-1', true, upAgainMs), {
      kind: 'returning',
      healthySinceMs: west.clock.now() + 1,
    });
    const { health } = west;
    west.clock.advance(4000);
    assert.deepEqual(west.says('gw-1', true, upAgainMs), health, 'told once');
  });

  it('is not failing for a gateway that starts anew with a new trunk', () => {
    const west = new West();
    west.says('gw-1', true, 100, 1);
    west.book.silence('gw-1');
    west.clock.advance(4000);
    assert.deepEqual(west.says('gw-1', false, west.clock.now(), 2), { kind: 'steady' });
    assert.deepEqual(west.says('gw-1', true, west.clock.now(), 2), { kind: 'steady' });
  });

  it('is returning when a gateway that was cut off from us comes back with another trunk', () => {
    const west = new West();
    west.says('gw-1', true);
    west.book.silence('gw-1');
    west.clock.advance(4000);
    assert.equal(west.says('gw-1', true).kind, 'returning');
  });

  it('with stale heads fails only if gateways report and none has a trunk', () => {
    const west = new West();
    west.reach = 'unreachable';
    assert.deepEqual(west.health, { kind: 'steady' }, 'nobody says anything');
    west.says('gw-1', true);
    west.says('gw-2', false);
    assert.deepEqual(west.health, { kind: 'steady' }, 'one trunk answers');
    west.book.silence('gw-1');
    assert.equal(west.health.kind, 'failing');
  });

  it('that is failing stays so while no gateway says anything', () => {
    const west = new West();
    west.says('gw-1', true);
    west.says('gw-1', false);
    west.book.silence('gw-1');
    west.clock.advance(60_000);
    assert.equal(west.health.kind, 'failing');
  });

  it('is remembered by the next process, with the evidence', () => {
    const west = new West();
    west.says('gw-1', true);
    west.clock.advance(10);
    const failing = west.says('gw-1', false);
    west.book = new PeerBook(west.book.memory);
    assert.deepEqual(west.health, failing);
    west.clock.advance(10);
    assert.equal(west.says('gw-1', true).kind, 'returning');
    west.book = new PeerBook(west.book.memory);
    west.clock.advance(10);
    const upAgain = west.says('gw-1', true);
    assert.deepEqual(upAgain, { kind: 'returning', healthySinceMs: west.clock.now() + 1 });
  });

  it('never counts as healthy before its loss, whatever the reports say', () => {
    const step = fc.record({
      gateway: fc.constantFrom('gw-1', 'gw-2'),
      up: fc.boolean(),
      passedMs: fc.nat(5000),
      agoMs: fc.integer({ min: -90_000, max: 5000 }),
      silence: fc.boolean(),
      reach: fc.constantFrom<PeerReach>('synced', 'unreachable'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const west = new West();
        let failedAtMs: number | undefined;
        for (const { gateway, up, passedMs, agoMs, silence, reach } of steps) {
          west.clock.advance(passedMs);
          west.reach = reach;
          const nowMs = west.clock.now();
          const health = west.says(gateway, up, nowMs - agoMs);
          if (health.kind === 'failing') failedAtMs = health.sinceMs;
          if (health.kind === 'returning') {
            assert.ok(failedAtMs === undefined || health.healthySinceMs > failedAtMs);
            assert.ok(health.healthySinceMs <= nowMs + 60_000 + 1);
          }
          if (silence) west.book.silence(gateway);
        }
      }),
    );
  });
});
