import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerRule } from '../../clusters/provider.ts';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import type { ClusterName, PeerReach } from '../model/cluster.ts';
import type { ServiceRecord } from '../model/service.ts';
import { type ImportedPeer, Importer } from './importer.ts';

function peerOf(
  cluster: ClusterName,
  records: readonly ServiceRecord[],
  reach: PeerReach = 'synced',
): ImportedPeer {
  return { cluster, reach, records: new Map(records.map((record) => [keyOf(record), record])) };
}

function keyOf({ service }: ServiceRecord): string {
  return `${service.namespace}/${service.name}`;
}

function importer(peers: readonly ImportedPeer[], rules: readonly PeerRule[] = []): Importer {
  return new Importer({
    peers: new Map(peers.map((peer) => [peer.cluster, peer])),
    rules: new Map(rules.map((rule) => [rule.cluster, rule])),
  });
}

const record = testRecord('payments');
const key = keyOf(record);

describe('what peers publish', () => {
  it('counts everywhere when no rule speaks of the peer', () => {
    const found = importer([peerOf('west', [record]), peerOf('north', [])]).exportsOf(key);
    assert.deepEqual(found, [{ cluster: 'west', record }]);
  });

  it('counts only in the namespaces that its rule allows, and the rest is told', () => {
    const outside = importer([peerOf('west', [record])], [{ cluster: 'west', allowedNamespaces: ['bank'] }]);
    assert.deepEqual(outside.exportsOf(key), []);
    assert.deepEqual(outside.refusals(10), [
      { cluster: 'west', service: key, reason: 'the peer may not offer in namespace shop here' },
    ]);
    const inside = importer([peerOf('west', [record])], [{ cluster: 'west', allowedNamespaces: ['shop'] }]);
    assert.deepEqual(inside.exportsOf(key), [{ cluster: 'west', record }]);
    assert.equal(inside.refusalOf('west', key), undefined);
    assert.deepEqual(inside.refusals(10), []);
  });

  it('counts nowhere when its rule names a trust domain that it cannot have, which is told', () => {
    const distrusted = new Importer({
      peers: new Map([['west', peerOf('west', [record])]]),
      rules: new Map(),
      distrustOf: (cluster) => (cluster === 'west' ? 'it is another' : undefined),
    });
    assert.deepEqual(distrusted.exportsOf(key), []);
    assert.deepEqual(distrusted.refusals(10), [{ cluster: 'west', service: key, reason: 'it is another' }]);
  });

  it('is bound by its own rule only', () => {
    const found = importer(
      [peerOf('west', [record]), peerOf('north', [record])],
      [{ cluster: 'west', allowedNamespaces: [] }],
    );
    assert.deepEqual(found.exportsOf(key), [{ cluster: 'north', record }]);
  });

  it('does not count under the key of another service', () => {
    const peer = { ...peerOf('west', []), records: new Map([['bank/vault', record]]) };
    assert.deepEqual(importer([peer]).exportsOf('bank/vault'), []);
    assert.match(importer([peer]).refusalOf('west', 'bank/vault')?.reason ?? '', /another service/);
  });

  it('ends when the peer leaves, and stays while it is only unreachable', () => {
    assert.deepEqual(importer([peerOf('west', [record], 'left')]).exportsOf(key), []);
    assert.equal(importer([peerOf('west', [record], 'unreachable')]).exportsOf(key).length, 1);
  });
});
