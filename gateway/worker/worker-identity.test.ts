import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { WorkerIdentity } from './worker-identity.ts';

test('a trust domain is that of a peer until the peer leaves or is removed', () => {
  const identity = new WorkerIdentity(() => assert.fail('there is no SVID'));
  const snapshot = testSnapshot({ cluster: 'east', peers: { west: [1] }, services: [], bundles: new Map() });
  const [west] = [...snapshot.peers.values()];
  assert.ok(west !== undefined);
  identity.useSnapshot(snapshot);
  assert.equal(identity.clusterOf('west.mesh.example'), 'west');
  identity.useSnapshot({ ...snapshot, peers: new Map([['west', { ...west, reach: 'left' }]]) });
  assert.equal(identity.clusterOf('west.mesh.example'), undefined);
  identity.useSnapshot({ ...snapshot, peers: new Map() });
  assert.equal(identity.clusterOf('west.mesh.example'), undefined);
});
