import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PeerFacts, type PeerStatus, peerStatus } from './peer-status.ts';
import type { PeerSight } from './status-view.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const NOTHING: PeerStatus = { conditions: [] };
const PEER: PeerSight = {
  reach: 'synced',
  lastSeenMs: NOON - 2_000,
  problem: undefined,
  untrusted: false,
  gateways: [{ host: 'gateway.west.example', port: 15_443 }],
  services: 7,
  bundleSequence: 4,
  trunks: [
    { up: true, rttSeconds: 0.0121 },
    { up: true, rttSeconds: 0.0141 },
  ],
};
const SIGHT = { reportingGateways: 2, storeUp: true, settled: true };

function facts(peer: Partial<PeerSight> | undefined = {}, sight: Partial<typeof SIGHT> = {}): PeerFacts {
  return { peer: peer && { ...PEER, ...peer }, generation: 1, sight: { ...SIGHT, ...sight } };
}

function reasons(status: PeerStatus | undefined): string[] {
  return (status?.conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);
}

test('a peer that is well says all that is known of it', () => {
  const status = peerStatus(facts(), NOTHING, NOON);
  assert.deepEqual(reasons(status), [
    'Connected=True Connected',
    'Trusted=True Verified',
    'Synced=True Synced',
  ]);
  const { conditions: _conditions, ...numbers } = status ?? NOTHING;
  assert.deepEqual(numbers, {
    observedGeneration: 1,
    lastSeen: '2026-01-31T11:59:58Z',
    ageSeconds: 2,
    roundTripMs: 13.1,
    gateways: ['gateway.west.example:15443'],
    services: 7,
    bundleSequence: 4,
  });
});

const cases: readonly (readonly [string, PeerFacts, readonly string[]])[] = [
  [
    'without a trunk it is not connected',
    facts({ trunks: [{ up: false, rttSeconds: 0 }] }),
    ['Connected=False NoTrunk', 'Trusted=True Verified', 'Synced=True Synced'],
  ],
  [
    'one trunk is enough',
    facts({
      trunks: [
        { up: false, rttSeconds: 0 },
        { up: true, rttSeconds: 0.01 },
      ],
    }),
    ['Connected=True Connected', 'Trusted=True Verified', 'Synced=True Synced'],
  ],
  [
    'a peer without addresses cannot be dialled',
    facts({ trunks: [], gateways: [] }),
    ['Connected=False NoAddress', 'Trusted=True Verified', 'Synced=True Synced'],
  ],
  [
    'where no gateway reports nobody knows',
    facts({ trunks: [] }, { reportingGateways: 0 }),
    ['Connected=Unknown NoGateway', 'Trusted=True Verified', 'Synced=True Synced'],
  ],
  [
    'silence is stale, and no loss of trust',
    facts({ reach: 'unreachable' }),
    ['Connected=True Connected', 'Trusted=True Verified', 'Synced=False Stale'],
  ],
  [
    'a word that is refused',
    facts({ problem: 'its head is not acceptable' }),
    ['Connected=True Connected', 'Trusted=True Verified', 'Synced=False Refused'],
  ],
  [
    'a word that somebody else signed',
    facts({ problem: 'its head is not acceptable', untrusted: true }),
    ['Connected=True Connected', 'Trusted=False Refused', 'Synced=False Refused'],
  ],
  [
    'a store that is away says nothing of the peer',
    facts({}, { storeUp: false }),
    ['Connected=True Connected', 'Trusted=True Verified', 'Synced=Unknown StoreUnavailable'],
  ],
  [
    'one that was only ever heard of',
    facts({ reach: 'unknown', lastSeenMs: 0, trunks: [], gateways: [], services: undefined }),
    ['Connected=False NoAddress', 'Trusted=Unknown NeverSeen', 'Synced=False NeverSeen'],
  ],
  [
    'one that left',
    facts({ reach: 'left' }),
    ['Connected=False Left', 'Trusted=False Left', 'Synced=False Left'],
  ],
  [
    'a name that no member can have',
    { peer: undefined, generation: 1, sight: SIGHT },
    ['Connected=Unknown NotFollowed', 'Trusted=Unknown NotFollowed', 'Synced=Unknown NotFollowed'],
  ],
  [
    'one whose object names a trust domain that it cannot have',
    { peer: undefined, distrust: 'its ClusterPeer names another', generation: 1, sight: SIGHT },
    ['Connected=Unknown NotFollowed', 'Trusted=False TrustDomainMismatch', 'Synced=Unknown NotFollowed'],
  ],
];
for (const [what, given, wanted] of cases) {
  test(what, () => assert.deepEqual(reasons(peerStatus(given, NOTHING, NOON)), wanted));
}

test('mere numbers are written every 30 s at most, and not at all while they stay', () => {
  const before = peerStatus(facts(), NOTHING, NOON) ?? NOTHING;
  const moved = { lastSeenMs: NOON + 27_000, services: 9, trunks: [{ up: true, rttSeconds: 0.5 }] };
  assert.equal(peerStatus(facts(moved), before, NOON + 29_000), undefined);
  const after = peerStatus(facts(moved), before, NOON + 30_000);
  assert.deepEqual([after?.services, after?.roundTripMs, after?.ageSeconds], [9, 500, 3]);
  assert.equal(after?.conditions[0]?.lastTransitionTime, '2026-01-31T12:00:00Z');
  assert.equal(peerStatus(facts(), before, NOON + 3_600_000), undefined);
});

test('a condition is written at once, with the numbers of that moment', () => {
  const before = peerStatus(facts(), NOTHING, NOON) ?? NOTHING;
  const lost = peerStatus(facts({ trunks: [], lastSeenMs: NOON }), before, NOON + 1_000);
  assert.equal(reasons(lost)[0], 'Connected=False NoTrunk');
  assert.equal(lost?.conditions[0]?.lastTransitionTime, '2026-01-31T12:00:01Z');
  assert.equal(lost?.conditions[1]?.lastTransitionTime, '2026-01-31T12:00:00Z');
  assert.equal(lost?.lastSeen, '2026-01-31T12:00:00Z');
});

test('so are other addresses, another bundle, another generation, and the first round trip', () => {
  const before = peerStatus(facts(), NOTHING, NOON) ?? NOTHING;
  const at = NOON + 1_000;
  assert.deepEqual(peerStatus(facts({ gateways: [{ host: '::1', port: 1 }] }), before, at)?.gateways, [
    '[::1]:1',
  ]);
  assert.equal(peerStatus(facts({ bundleSequence: 5 }), before, at)?.bundleSequence, 5);
  assert.equal(peerStatus({ ...facts(), generation: 2 }, before, at)?.observedGeneration, 2);
  const unmeasured = peerStatus(facts({ trunks: [{ up: true, rttSeconds: 0 }] }), NOTHING, NOON) ?? NOTHING;
  assert.equal(unmeasured.roundTripMs, undefined);
  assert.equal(peerStatus(facts(), unmeasured, at)?.roundTripMs, 13.1);
});

test('a process that has just started does not take back what it does not know yet', () => {
  const before = peerStatus(facts(), NOTHING, NOON) ?? NOTHING;
  const young = facts(
    { reach: 'unknown', trunks: [], lastSeenMs: 0, gateways: [], services: undefined },
    { reportingGateways: 0, storeUp: false, settled: false },
  );
  assert.equal(peerStatus(young, before, NOON + 5_000), undefined);
  const old = peerStatus({ ...young, sight: { ...young.sight, settled: true } }, before, NOON + 60_000);
  assert.deepEqual(reasons(old), [
    'Connected=Unknown NoGateway',
    'Trusted=Unknown NeverSeen',
    'Synced=Unknown StoreUnavailable',
  ]);
  assert.equal(old?.roundTripMs, undefined);
});

test('a drain is a condition while it is ordered, and on the way back', () => {
  const drained = (drain: PeerFacts['drain']) => peerStatus({ ...facts(), drain }, NOTHING, NOON);
  const told = (status: PeerStatus | undefined) => [
    reasons(status)[3],
    status?.drainedPercent,
    status?.drain,
  ];
  const going = drained({ ordered: true, takenPercent: 47, kept: [] });
  assert.deepEqual(told(going), ['Drained=False Draining', 40, 'draining 40 %']);
  const gone = drained({ ordered: true, takenPercent: 100, kept: ['shop/solo', 'shop/cart'] });
  assert.deepEqual(told(gone), ['Drained=True Drained', 100, 'drained']);
  assert.match(gone?.conditions[3]?.message ?? '', /; it keeps shop\/solo, shop\/cart: no other cluster has/);
  const back = drained({ ordered: false, takenPercent: 75, kept: [] });
  assert.deepEqual(told(back), ['Drained=False Returning', 70, 'returning 70 %']);
  const over = peerStatus(facts(), back ?? NOTHING, NOON + 1_000);
  assert.deepEqual([over?.conditions.length, ...told(over)], [3, undefined, undefined, undefined]);
});

test('one that cannot be used says why, its own cluster’s too, for as long as that is so', () => {
  const fault = 'spec.drain.duration: must be from 0s to 24h; the last good version stays in force';
  const status = peerStatus({ ...facts(), fault }, NOTHING, NOON);
  assert.equal(reasons(status)[0], 'Accepted=False Invalid');
  assert.equal(status?.conditions[0]?.message, fault);
  assert.equal(reasons(status)[1], 'Connected=True Connected', 'what holds is told all the same');
  const mended = peerStatus(facts(), status ?? NOTHING, NOON + 1000);
  assert.deepEqual(
    mended?.conditions.map(({ type }) => type),
    ['Connected', 'Trusted', 'Synced'],
  );
  const own: PeerFacts = { peer: undefined, isOwn: true, generation: 1, sight: SIGHT, fault };
  assert.deepEqual(reasons(peerStatus(own, NOTHING, NOON)), ['Accepted=False Invalid']);
});

test("the cluster's own object speaks of nothing but its drain", () => {
  const own: PeerFacts = { peer: undefined, isOwn: true, generation: 1, sight: SIGHT };
  const drain = { ordered: true, takenPercent: 100, kept: [] };
  const status = peerStatus({ ...own, drain }, NOTHING, NOON);
  assert.deepEqual(reasons(status), ['Drained=True Drained']);
  assert.equal(peerStatus({ ...own, drain }, status ?? NOTHING, NOON + 60_000), undefined);
  assert.deepEqual(reasons(peerStatus(own, status ?? NOTHING, NOON)), []);
});
