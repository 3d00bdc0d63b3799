import assert from 'node:assert/strict';
import { it } from 'node:test';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { DEFAULT_FAILOVER_POLICY } from '../model/policy.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY } from '../model/traffic-policy.ts';
import { assembleService } from './snapshot-service.ts';

function assembled(healthy: number, listenPort: number, previous?: SnapshotService): SnapshotService {
  const sources = {
    service: testRecord('a').service,
    network: undefined,
    exports: [
      { cluster: 'east', record: testRecord('a') },
      { cluster: 'west', record: testRecord('a', healthy) },
    ],
    endpoints: [],
    failover: DEFAULT_FAILOVER_POLICY,
    traffic: DEFAULT_TRAFFIC_POLICY,
    access: [],
    routes: undefined,
    backendOnly: false,
    listenPort: () => listenPort,
    healthOf: () => ({ kind: 'steady' as const }),
  };
  return assembleService(sources, previous).service;
}

it('of a service that changed the parts that are as they were are the same objects', () => {
  const before = assembled(3, 20_000);
  assert.equal(assembled(3, 20_000, before), before);
  const after = assembled(2, 20_000, before);
  assert.deepEqual(after, assembled(2, 20_000));
  assert.equal(after.ports, before.ports);
  assert.equal(after.offers[0], before.offers[0]);
  assert.equal(after.offers[1]?.localities[0]?.healthy, 2);
  const moved = assembled(2, 20_001, after);
  assert.equal(moved.ports[0]?.listenPort, 20_001);
  assert.equal(moved.offers[1], after.offers[1]);
});
