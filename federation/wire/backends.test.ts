import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyService, anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import { serviceKey } from '../model/service.ts';
import type { RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
import { deltaFromWire, deltaToWire } from './delta-message.ts';
import { applyDelta, diffSnapshots } from './snapshot-delta.ts';
import { snapshotFromWire, snapshotToWire } from './snapshot-message.ts';

describe('services that only routes lead to', () => {
  it('are taken away from who does not know of such when they were services before', () => {
    const [base] = fc.sample(anySnapshot, 1);
    const [service] = fc.sample(anyService, 1);
    assert.ok(base && service);
    const { backendOnly: _, ...named } = service;
    const key = serviceKey(named.service);
    const version = (step: number, changed: SnapshotService): RoutingSnapshot => ({
      ...base,
      version: base.version + step,
      services: new Map(base.services).set(key, changed),
    });
    const before = version(1, named);
    const after = version(2, { ...named, backendOnly: true });
    const hidden = diffSnapshots(before, after);
    const shown = diffSnapshots(after, version(3, named));
    assert.ok(hidden && shown);
    const message = deltaToWire(hidden);
    assert.deepEqual([message.changedServices.length, message.removedServices], [0, [key]]);
    assert.equal(snapshotToWire(after).services.length, after.services.size - backendsOf(after));
    const older = applyDelta(before, deltaFromWire({ ...message, changedBackends: [] }));
    assert.equal(older.services.has(key), false);
    assert.deepEqual(applyDelta(older, deltaFromWire(deltaToWire(shown))).services.get(key), named);
    assert.deepEqual(applyDelta(before, deltaFromWire(message)), after);
    const gone = diffSnapshots(after, { ...after, version: after.version + 1, services: new Map() });
    assert.ok(gone?.removedBackends.includes(key) && !gone.removedServices.includes(key));
  });

  it('are refused where they are services too', () => {
    const [base] = fc.sample(anySnapshot, 1);
    const [service] = fc.sample(anyService, 1);
    assert.ok(base && service);
    const backend = { ...service, backendOnly: true } as const;
    const services = new Map([[serviceKey(service.service), backend]]);
    const message = snapshotToWire({ ...base, services });
    assert.deepEqual(snapshotFromWire(message).services, services);
    assert.throws(() => snapshotFromWire({ ...message, services: message.backends }), {
      name: 'WireError',
      message: /^backends: "[^"]+" is a service too$/,
    });
  });
});

function backendsOf({ services }: RoutingSnapshot): number {
  return [...services.values()].filter(({ backendOnly }) => backendOnly).length;
}
