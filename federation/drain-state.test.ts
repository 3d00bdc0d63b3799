import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { offerOf, peerAt, serviceOf, snapshotOf } from '../test/fixtures/routing-snapshot.ts';
import { drainedPercent, lastMembers } from './drain-state.ts';
import type { Drain } from './model/drain.ts';
import type { Peer } from './model/snapshot.ts';

const NOW_MS = 1_700_000_000_000;
const DRAIN: Drain = { kind: 'draining', sinceMs: NOW_MS, overMs: 60_000, fromPercent: 100 };
const BACK: Drain = { kind: 'returning', sinceMs: NOW_MS, fromPercent: 0 };

const SERVICES = [
  serviceOf({ name: 'both', offers: [offerOf('east', 2), offerOf('west', 2)] }),
  serviceOf({ name: 'east-only', offers: [offerOf('east', 2)] }),
  serviceOf({ name: 'west-only', offers: [offerOf('west', 2)] }),
  serviceOf({ name: 'east-ill', offers: [offerOf('east', 2, { healthy: 0 }), offerOf('west', 2)] }),
  serviceOf({ name: 'far', offers: [offerOf('west', 2), offerOf('south', 2)] }),
];

function last(west: Partial<Peer>, south: Partial<Peer> = {}, own?: Drain, max = 100) {
  const peers = [peerAt('west', NOW_MS, west), peerAt('south', NOW_MS, south)];
  const snapshot = { ...snapshotOf(SERVICES, peers), ...(own && { drain: own }) };
  const found = lastMembers(snapshot, max);
  return (cluster: string) => (found.get(cluster) ?? []).map((key) => key.replace('shop/', ''));
}

describe('the last members of services', () => {
  it('are where no other cluster has a host that can answer', () => {
    const of = last({});
    assert.deepEqual(of('east'), ['east-only']);
    assert.deepEqual(of('west'), ['west-only', 'east-ill']);
    assert.deepEqual(of('south'), []);
  });

  it('leave out what only routes lead to', () => {
    const kept = {
      ...serviceOf({ name: 'canary', offers: [offerOf('east', 2)] }),
      backendOnly: true as const,
    };
    const snapshot = snapshotOf([...SERVICES, kept], []);
    assert.deepEqual(lastMembers(snapshot, 100).get('east'), ['shop/east-only']);
  });

  it('do not count who is drained, by its own word or by an order here, nor who has left', () => {
    for (const south of [{ drain: DRAIN }, { announcedDrain: DRAIN }, { reach: 'left' as const }]) {
      assert.deepEqual(last({}, south)('west'), ['west-only', 'east-ill', 'far'], JSON.stringify(south));
    }
    assert.deepEqual(last({}, { drain: BACK })('west'), ['west-only', 'east-ill']);
    assert.deepEqual(last({}, {}, DRAIN)('west'), ['both', 'west-only', 'east-ill']);
  });

  it('of a drained cluster are those that it keeps', () => {
    assert.deepEqual(last({ drain: DRAIN })('west'), ['west-only', 'east-ill']);
  });

  it('are no more than can be told', () => {
    assert.deepEqual(last({}, {}, undefined, 1)('west'), ['west-only']);
  });
});

describe('how far a peer is drained', () => {
  it('is what the further of both drains has taken', () => {
    assert.equal(drainedPercent({}, NOW_MS), 0);
    assert.equal(drainedPercent({ drain: DRAIN }, NOW_MS + 30_000), 50);
    const fast: Drain = { ...DRAIN, overMs: 40_000 };
    assert.equal(drainedPercent({ drain: DRAIN, announcedDrain: fast }, NOW_MS + 30_000), 75);
    assert.equal(drainedPercent({ announcedDrain: BACK }, NOW_MS), 90);
  });
});
