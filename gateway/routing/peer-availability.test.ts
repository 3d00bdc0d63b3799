import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerAvailability } from './peer-availability.ts';

describe('peer availability', () => {
  it('remembers the first moment of a loss, and of the answer after it', () => {
    const peers = new PeerAvailability();
    assert.deepEqual(peers.sight('west'), { kind: 'unseen' });
    peers.peerAnswered('west', 100);
    assert.deepEqual(peers.sight('west'), { kind: 'answers' });
    peers.peerLost('west', 200);
    peers.peerLost('west', 300);
    assert.deepEqual(peers.sight('west'), { kind: 'lost', lostAtMs: 200 });
    peers.peerAnswered('west', 400);
    peers.peerAnswered('west', 500);
    assert.deepEqual(peers.sight('west'), { kind: 'again', lostAtMs: 200, answeredAtMs: 400 });
    peers.peerLost('west', 600);
    assert.deepEqual(peers.sight('west'), { kind: 'lost', lostAtMs: 600 });
  });

  it('tells a peer that was never reached from one that was lost', () => {
    const peers = new PeerAvailability();
    peers.peerLost('west', 100);
    peers.peerLost('west', 200);
    assert.deepEqual(peers.sight('west'), { kind: 'unreached', sinceMs: 100 });
    peers.peerAnswered('west', 300);
    assert.deepEqual(peers.sight('west'), { kind: 'answers' });
  });

  it('is of another version only when something has changed', () => {
    const peers = new PeerAvailability();
    const versions = [peers.version];
    const note = () => versions.push(peers.version);
    peers.peerAnswered('west', 1);
    note();
    peers.peerAnswered('west', 2);
    note();
    peers.setFollowed(false);
    note();
    peers.setFollowed(true);
    note();
    assert.deepEqual(
      versions.map((version) => version - (versions[0] ?? 0)),
      [0, 1, 1, 1, 2],
    );
  });

  it('forgets peers that a snapshot no longer has', () => {
    const peers = new PeerAvailability();
    for (const cluster of ['west', 'south']) {
      peers.peerAnswered(cluster, 0);
      peers.peerLost(cluster, 1);
    }
    peers.snapshotChanged(new Map([['south', undefined]]));
    assert.equal(peers.sight('west').kind, 'unseen');
    assert.equal(peers.sight('south').kind, 'lost');
  });

  it('counts each return once, however many routes tell of it', () => {
    const peers = new PeerAvailability();
    peers.fullyReturned('west', 100);
    peers.fullyReturned('west', 100);
    peers.fullyReturned('west', 900);
    assert.deepEqual([...peers.failbacks()], [['west', 2]]);
  });
});
