import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_FAILOVER_POLICY } from '../model/policy.ts';
import { type PeerFacts, peerStanding, SNAPSHOT_PATIENCE_MS, type Standing } from './standing.ts';

const NOW_MS = 1_700_000_000_000;
const FACTS: PeerFacts = {
  reach: 'synced',
  lastSeenMs: NOW_MS - 1000,
  health: { kind: 'steady' },
  offerHealth: { kind: 'steady' },
  trunk: { kind: 'unseen' },
  followed: true,
};

function standing(facts: Partial<PeerFacts>, nowMs = NOW_MS): Standing {
  return peerStanding({ ...FACTS, ...facts }, DEFAULT_FAILOVER_POLICY, nowMs);
}

/** `absent: <why>`, or the share and the phase. */
function told(facts: Partial<PeerFacts>, nowMs = NOW_MS): string {
  const found = standing(facts, nowMs);
  return found.kind === 'absent'
    ? `absent: ${found.absence.kind}`
    : `${found.sharePercent} % ${found.phase.kind}`;
}

describe('standing of a peer', () => {
  it('is full for what was never seen failing, before any trunk was needed too', () => {
    assert.equal(told({}), '100 % steady');
    assert.equal(told({ trunk: { kind: 'answers' } }), '100 % steady');
  });

  it('is none for a peer that left or fails', () => {
    assert.equal(told({ reach: 'left' }), 'absent: left');
    assert.equal(told({ health: { kind: 'failing', sinceMs: NOW_MS - 5 } }), 'absent: failing');
  });

  it('keeps the hosts of a service that fails in the count, without a share', () => {
    assert.equal(told({ offerHealth: { kind: 'failing', sinceMs: NOW_MS } }), '0 % failing');
  });

  it('is the smaller of what the cluster and the service have', () => {
    const peer = { kind: 'returning', healthySinceMs: NOW_MS - 45_000 } as const;
    const offer = { kind: 'returning', healthySinceMs: NOW_MS - 10_000 } as const;
    assert.equal(told({ health: peer, offerHealth: offer }), '0 % held-down');
    assert.equal(told({ health: peer }), '25 % stepping');
    assert.equal(told({ offerHealth: peer }), '25 % stepping');
  });
});

describe('standing of a peer whose trunk was lost', () => {
  const lostAtMs = NOW_MS - 20_000;
  const lost = { kind: 'lost', lostAtMs } as const;

  it('is none at once, whatever the snapshot says', () => {
    assert.equal(told({ trunk: lost }), 'absent: trunk-lost');
    const before = { kind: 'returning', healthySinceMs: lostAtMs - 1 } as const;
    assert.equal(told({ trunk: lost, health: before }), 'absent: trunk-lost');
  });

  it('does not count while its trunk is lost here, though the others reach it', () => {
    const health = { kind: 'returning', healthySinceMs: lostAtMs + 1 } as const;
    assert.equal(told({ trunk: lost, health }), 'absent: trunk-lost');
  });

  it('counts again when the snapshot knows of its return after the loss, held down from the own answer on', () => {
    const trunk = { kind: 'again', lostAtMs, answeredAtMs: NOW_MS } as const;
    const health = { kind: 'returning', healthySinceMs: lostAtMs + 1 } as const;
    assert.equal(told({ trunk, health }), '0 % held-down');
    assert.equal(told({ trunk, health }, NOW_MS + 29_999), '0 % held-down');
    assert.equal(told({ trunk, health }, NOW_MS + 60_000), '100 % returned');
  });

  it('waits for the snapshot where there is a federation service, but not for ever', () => {
    const answeredAtMs = NOW_MS;
    const trunk = { kind: 'again', lostAtMs, answeredAtMs } as const;
    const waiting = standing({ trunk });
    assert.equal(waiting.kind, 'absent');
    assert.equal(waiting.changesAtMs, answeredAtMs + SNAPSHOT_PATIENCE_MS);
    const later = standing({ trunk }, waiting.changesAtMs);
    assert.equal(later.kind, 'counted');
    assert.equal(later.changesAtMs, answeredAtMs + 30_000);
    assert.equal(told({ trunk }, answeredAtMs + 40_000), '25 % stepping');
  });

  it('counts from the own sight of it without a federation service', () => {
    const trunk = { kind: 'again', lostAtMs, answeredAtMs: NOW_MS } as const;
    assert.equal(told({ trunk, followed: false }), '0 % held-down');
    assert.equal(told({ trunk, followed: false }, NOW_MS + 30_000), '10 % stepping');
    assert.equal(told({ trunk, followed: false }, NOW_MS + 60_000), '100 % returned');
  });

  it('is none while the snapshot says that it fails, though its trunk answers here', () => {
    const trunk = { kind: 'again', lostAtMs, answeredAtMs: NOW_MS - 15_000 } as const;
    assert.equal(told({ trunk, health: { kind: 'failing', sinceMs: lostAtMs } }), 'absent: failing');
  });
});

describe('standing of a peer that the store has no news of', () => {
  const lastSeenMs = NOW_MS - 60_000;
  const staleAtMs = lastSeenMs + DEFAULT_FAILOVER_POLICY.staleAfterMs;

  it('is full until it is stale', () => {
    const unreachable = { reach: 'unreachable', lastSeenMs } as const;
    const before = standing(unreachable);
    assert.equal(before.kind, 'counted');
    assert.equal(before.changesAtMs, staleAtMs);
    assert.equal(told(unreachable, staleAtMs - 1), '100 % steady');
    assert.equal(told(unreachable, staleAtMs), 'absent: stale');
  });

  it('stays full while a trunk answers', () => {
    const trunk = { kind: 'answers' } as const;
    assert.equal(told({ reach: 'unreachable', lastSeenMs, trunk }, staleAtMs + 1), '100 % steady');
  });

  it('does not grow stale by its age alone while its heads are read', () => {
    assert.equal(told({ lastSeenMs: 0 }, staleAtMs), '100 % steady');
  });
});
