import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { endpointAt } from '../../test/fixtures/routing-snapshot.ts';
import { anyService, anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import { backendKey, serviceKey } from '../model/service.ts';
import { type RoutingSnapshot, type SnapshotService, snapshotKey } from '../model/snapshot.ts';
import { deltaFromWire, deltaToWire } from './delta-message.ts';
import { applyDelta, diffSnapshots } from './snapshot-delta.ts';
import { snapshotFromWire, snapshotToWire } from './snapshot-message.ts';

describe('services that only routes lead to', () => {
  it('are taken away from who does not know of such when they were services before', () => {
    const [base] = fc.sample(anySnapshot, 1);
    const [service] = fc.sample(anyService, 1);
    assert.ok(base && service);
    const { backendOnly: _, ...named } = service;
    const backend = { ...named, backendOnly: true } as const;
    const key = serviceKey(named.service);
    const others = new Map(base.services);
    for (const known of [key, backendKey(key)]) others.delete(known);
    const version = (step: number, ...changed: readonly SnapshotService[]): RoutingSnapshot => ({
      ...base,
      version: base.version + step,
      services: new Map([...others, ...changed.map((one) => [snapshotKey(one), one] as const)]),
    });
    const before = version(1, named);
    const after = version(2, backend);
    const hidden = diffSnapshots(before, after);
    assert.ok(hidden);
    const message = deltaToWire(hidden);
    assert.deepEqual([message.changedServices.length, message.removedServices], [0, [key]]);
    assert.equal(snapshotToWire(after).services.length, after.services.size - backendsOf(after));
    const older = applyDelta(before, deltaFromWire({ ...message, changedBackends: [] }));
    assert.deepEqual(older.services, others);
    assert.deepEqual(applyDelta(before, deltaFromWire(message)), after);
    const shown = diffSnapshots(after, version(3, named));
    assert.deepEqual(shown && deltaToWire(shown).removedBackends, [key]);
    assert.deepEqual(shown && applyDelta(after, deltaFromWire(deltaToWire(shown))), version(3, named));
  });

  it('are beside the services of their names, and change apart from them', () => {
    const [base] = fc.sample(anySnapshot, 1);
    const [service] = fc.sample(anyService, 1);
    assert.ok(base && service);
    const { backendOnly: _, ...named } = service;
    const backend = { ...named, backendOnly: true } as const;
    const version = (step: number, ...services: readonly SnapshotService[]): RoutingSnapshot => ({
      ...base,
      version: base.version + step,
      services: new Map(services.map((one) => [snapshotKey(one), one])),
    });
    const both = version(1, named, backend);
    assert.deepEqual(snapshotFromWire(snapshotToWire(both)), both);
    const changed = { ...backend, endpoints: [endpointAt('10.0.0.9')] };
    const after = version(2, named, changed);
    const delta = diffSnapshots(both, after, true);
    assert.ok(delta);
    assert.deepEqual(applyDelta(both, deltaFromWire(deltaToWire(delta))), after);
    const message = snapshotToWire(both);
    assert.throws(
      () => snapshotFromWire({ ...message, backends: [...message.backends, ...message.backends] }),
      {
        name: 'WireError',
      },
    );
  });
});

function backendsOf({ services }: RoutingSnapshot): number {
  return [...services.values()].filter(({ backendOnly }) => backendOnly).length;
}
