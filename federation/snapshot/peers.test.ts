import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assemblePeers, knownPeers } from './peers.ts';

const LOCAL = {
  name: 'east',
  clusterset: 'mesh.example',
  trustDomain: 'east.mesh.example',
  locality: { region: 'eu', zone: 'a' },
};

describe("the snapshot's peers", () => {
  const seen = {
    cluster: 'west',
    reach: 'synced' as const,
    lastSeenMs: 1000,
    head: {
      locality: { region: 'us', zone: 'b' },
      gateways: [
        { host: '10.0.0.1', port: 15_443 },
        { host: 'Not_A_Host', port: 15_443 },
      ],
    },
  };
  const called = (...clusters: readonly string[]) => new Map(clusters.map((cluster) => [cluster, {}]));
  const steady = () => ({ health: { kind: 'steady' as const }, drain: undefined });

  it('are those that were seen and those that are known by name, without the own cluster', () => {
    const known = [
      ...knownPeers(LOCAL, [seen, { ...seen, cluster: 'east' }], called('west', 'north', 'east')),
    ];
    assert.deepEqual(
      known.map(({ cluster, reach, gateways }) => [cluster, reach, gateways.length]),
      [
        ['west', 'synced', 1],
        ['north', 'unknown', 0],
      ],
    );
  });

  it('are dialled where their ClusterPeer says until they say so themselves', () => {
    const said = { gateways: [{ host: 'gateway.west.example', port: 15_443 }] };
    const gatewaysOf = (peers: Parameters<typeof knownPeers>[1]) =>
      [...knownPeers(LOCAL, peers, new Map([['west', said]]))].map(({ gateways }) => gateways);
    assert.deepEqual(gatewaysOf([]), [said.gateways]);
    assert.deepEqual(gatewaysOf([{ ...seen, head: undefined }]), [said.gateways]);
    assert.deepEqual(gatewaysOf([seen]), [[{ host: '10.0.0.1', port: 15_443 }]]);
  });

  it('are none whose ClusterPeer names a trust domain that they cannot have', () => {
    const of = (trustDomain: string) => [...knownPeers(LOCAL, [seen], new Map([['west', { trustDomain }]]))];
    assert.equal(of('west.mesh.example').length, 1);
    assert.deepEqual(of('west.other.example'), []);
  });

  it('are none that only stand in the list of members, and no more than a snapshot may have', () => {
    const named = (name: string) => ({ ...seen, cluster: name, reach: 'unknown' as const, head: undefined });
    const names = Array.from({ length: 1500 }, (_, index) => `x${index}`);
    assert.deepEqual([...knownPeers(LOCAL, names.map(named), called('north'))].length, 1);
    const heard = names.map((cluster) => ({ ...seen, cluster }));
    assert.equal([...knownPeers(LOCAL, heard, called('north'))].length, 1000);
  });

  it('are none whose name is too long for the clusterset', () => {
    const local = { ...LOCAL, clusterset: `${'a'.repeat(200)}.example` };
    const long = 'x'.repeat(60);
    assert.deepEqual([...knownPeers(local, [{ ...seen, cluster: long }], called(long))], []);
  });

  it('keep their objects while only a heartbeat passed, and not for ever', () => {
    const at = (lastSeenMs: number) => knownPeers(LOCAL, [{ ...seen, lastSeenMs }], new Map());
    const first = assemblePeers(LOCAL, at(1000), steady, new Map());
    assert.equal(assemblePeers(LOCAL, at(3000), steady, first), first);
    const later = assemblePeers(LOCAL, at(17_000), steady, first);
    assert.equal(later.get('west')?.lastSeenMs, 17_000);
    const unreachable = knownPeers(LOCAL, [{ ...seen, reach: 'unreachable', lastSeenMs: 3000 }], new Map());
    assert.equal(assemblePeers(LOCAL, unreachable, steady, first).get('west')?.lastSeenMs, 3000);
    assert.equal(assemblePeers(LOCAL, [], steady, first).size, 0);
  });
});
