import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerSights } from './peer-sights.ts';

describe('what a pod’s workers see of its peers', () => {
  it('is the newest word of any of them, and only changes are news', () => {
    const sights = new PeerSights();
    const saw = (up: boolean, atMs: number, rttSeconds = 0) =>
      sights.saw({ cluster: 'west', up, atMs, rttSeconds });
    assert.equal(sights.of('west'), undefined);
    assert.equal(saw(true, 10), true);
    assert.equal(saw(true, 11), false);
    assert.deepEqual(sights.of('west'), { cluster: 'west', up: true, sinceMs: 10, rttSeconds: 0 });
    assert.equal(saw(true, 12, 0.5), false);
    assert.equal(sights.of('west')?.rttSeconds, 0.5);
    assert.equal(saw(false, 20), true);
    assert.equal(saw(false, 21), false);
    assert.equal(sights.of('west')?.sinceMs, 20);
  });

  it('does not follow a word that was overtaken', () => {
    const sights = new PeerSights();
    sights.saw({ cluster: 'west', up: false, atMs: 20, rttSeconds: 0 });
    assert.equal(sights.saw({ cluster: 'west', up: true, atMs: 15, rttSeconds: 0 }), false);
    assert.equal(sights.of('west')?.up, false);
  });

  it('is forgotten with the peer', () => {
    const sights = new PeerSights();
    sights.saw({ cluster: 'west', up: true, atMs: 1, rttSeconds: 0 });
    sights.saw({ cluster: 'north', up: true, atMs: 1, rttSeconds: 0 });
    sights.keepOnly(new Map([['north', {}]]));
    assert.deepEqual(
      sights.findings.map(({ cluster }) => cluster),
      ['north'],
    );
  });

  it('is worth telling again when a round trip came, or moved by more than a tenth and a millisecond', () => {
    const sights = new PeerSights();
    sights.saw({ cluster: 'west', up: true, atMs: 1, rttSeconds: 0 });
    const told = sights.findings;
    assert.equal(sights.driftFrom(told), 'none');
    sights.saw({ cluster: 'west', up: true, atMs: 1, rttSeconds: 0.1 });
    assert.equal(sights.driftFrom(told), 'first');
    const drift = (rttSeconds: number): string => {
      const moved = new PeerSights();
      moved.saw({ cluster: 'west', up: true, atMs: 1, rttSeconds });
      return moved.driftFrom(sights.findings);
    };
    assert.deepEqual([drift(0.1), drift(0.109), drift(0.111), drift(0.08)], ['none', 'none', 'some', 'some']);
    sights.saw({ cluster: 'west', up: true, atMs: 1, rttSeconds: 0.0001 });
    assert.equal(drift(0.0009), 'none');
    sights.saw({ cluster: 'west', up: false, atMs: 2, rttSeconds: 0 });
    assert.equal(sights.driftFrom([]), 'none');
  });
});
