import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assembledService } from '../../test/fixtures/assembled-service.ts';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import type { SnapshotService } from '../model/snapshot.ts';

function assembled(healthy: number, listenPort: number, previous?: SnapshotService): SnapshotService {
  const [east, west] = [testRecord('a'), testRecord('a', healthy)];
  return assembledService(
    [
      { cluster: 'east', record: east },
      { cluster: 'west', record: west },
    ],
    { listenPort: () => listenPort },
    previous,
  );
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
