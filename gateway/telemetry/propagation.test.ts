import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { propagated } from './propagation.ts';

const base = testSnapshot({
  cluster: 'east',
  peers: { west: [1], north: [2] },
  bundles: new Map(),
  services: [
    { name: 'payments', protocol: 'http', endpoints: [], offeredBy: ['west', 'north'] },
    { name: 'cart', protocol: 'http', endpoints: [], offeredBy: ['west'] },
  ],
});

/** The snapshot with other words of one cluster about one service. */
function said(snapshot: RoutingSnapshot, key: string, cluster: string, changedAtMs: number): RoutingSnapshot {
  const service = snapshot.services.get(key);
  assert.ok(service !== undefined);
  const offers = service.offers.map((offer) =>
    offer.cluster === cluster ? { ...offer, changedAtMs } : offer,
  );
  return { ...snapshot, services: new Map(snapshot.services).set(key, { ...service, offers }) };
}

describe('propagation', () => {
  const before = said(said(base, 'shop/payments', 'west', 1000), 'shop/payments', 'north', 1000);

  it('is measured for what a cluster said anew, and for nothing else', () => {
    const after = said(before, 'shop/payments', 'west', 5000);
    assert.deepEqual(propagated(before, after, 5250), [{ cluster: 'west', seconds: 0.25 }]);
    assert.deepEqual(propagated(after, after, 9000), []);
  });

  it('counts a service that is new', () => {
    const { services } = before;
    const without = {
      ...before,
      services: new Map([...services].filter(([key]) => key !== 'shop/payments')),
    };
    assert.deepEqual(propagated(without, before, 2000), [
      { cluster: 'west', seconds: 1 },
      { cluster: 'north', seconds: 1 },
    ]);
  });

  it('is never negative, whatever the clocks say, and older words do not count', () => {
    assert.deepEqual(propagated(before, said(before, 'shop/payments', 'west', 7000), 6000), [
      { cluster: 'west', seconds: 0 },
    ]);
    assert.deepEqual(propagated(before, said(before, 'shop/payments', 'west', 900), 6000), []);
  });
});
