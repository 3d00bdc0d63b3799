import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LoadBalancing } from '../../federation/model/traffic-policy.ts';
import { explainedBalancing } from '../../test/fixtures/explained-balancing.ts';
import { EU_A, EU_B } from '../../test/fixtures/routing-snapshot.ts';

const NOW_MS = 1_700_000_000_000;
const SLOW_START = { windowMs: 30_000, minWeightPercent: 10, aggression: 1 };

function explain(loadBalancing?: LoadBalancing) {
  return explainedBalancing(loadBalancing, NOW_MS);
}

describe('explanation of the balancing', () => {
  it('names the default way, and the places that an endpoint is chosen in', () => {
    const { decision, ...facts } = explain();
    assert.deepEqual(facts, {
      policy: 'default',
      kind: 'power-of-two',
      parameters: {},
      hashOn: null,
      slowStart: null,
      localities: [
        { locality: EU_A, endpoints: 3, healthy: 2, degraded: 1, tableSlots: null, warming: [] },
        { locality: EU_B, endpoints: 1, healthy: 1, degraded: 0, tableSlots: null, warming: [] },
      ],
    });
    assert.equal(decision.length, 1);
    assert.match(decision[0] ?? '', /^Power of two choices with peak EWMA/);
  });

  it('names the endpoints that are in their slow start, with what they weigh now', () => {
    const { slowStart, localities, decision } = explain({ kind: 'round-robin', slowStart: SLOW_START });
    assert.deepEqual(slowStart, SLOW_START);
    assert.deepEqual(
      localities.map(({ warming }) => warming),
      [[{ address: '10.0.0.3:8080', weightPercent: 20, warmInMs: 24_000 }], []],
    );
    assert.deepEqual(decision, [
      'Round robin: each endpoint in turn, by weight.',
      'Slow start: a new endpoint begins with 10 % of its weight and has all after 30 s.',
    ]);
  });

  it('counts an endpoint as warm when its window is over', () => {
    const { localities } = explain({ kind: 'random', slowStart: { ...SLOW_START, windowMs: 6000 } });
    assert.deepEqual(
      localities.map(({ warming }) => warming),
      [[], []],
    );
  });

  it('tells what a hash is of, and how big the tables are', () => {
    const cookie = { kind: 'cookie', name: 'session', path: '/', ttlMs: 3_600_000 } as const;
    const ring = explain({ kind: 'ring-hash', hashOn: cookie, minimumRingSize: 8, maximumRingSize: 64 });
    assert.deepEqual(ring.hashOn, { kind: 'cookie', name: 'session', ttlMs: 3_600_000 });
    assert.deepEqual(ring.parameters, { minimumRingSize: 8, maximumRingSize: 64 });
    assert.deepEqual(
      ring.localities.map(({ tableSlots }) => tableSlots),
      [12, 8],
    );
    assert.match(ring.decision.join('\n'), /^Ring hash: .*\n.* cookie session, .* is given one for 1 h\.$/);
    const header = { kind: 'header', name: 'x-user' } as const;
    const maglev = explain({ kind: 'maglev', hashOn: header, tableSize: 101 });
    assert.deepEqual(maglev.hashOn, { kind: 'header', name: 'x-user', ttlMs: null });
    assert.deepEqual(
      maglev.localities.map(({ tableSlots }) => tableSlots),
      [101, 101],
    );
    assert.match(maglev.decision.join('\n'), /^Maglev: .*\n.* header x-user, .* goes anywhere\.$/);
  });

  it('says of each source what becomes of a request that has none', () => {
    const sentence = (hashOn: Extract<LoadBalancing, { kind: 'maglev' }>['hashOn']) =>
      explain({ kind: 'maglev', hashOn, tableSize: 101 }).decision[1] ?? '';
    const cookie = { kind: 'cookie', name: 'session', path: '/' } as const;
    assert.match(sentence({ ...cookie, ttlMs: 0 }), /given one for its session\.$/);
    assert.match(sentence({ ...cookie, ttlMs: undefined }), /without it goes anywhere\.$/);
    assert.match(sentence({ kind: 'source-address' }), /of the client's address/);
  });

  it('has the numbers of least request', () => {
    const told = explain({
      kind: 'least-request',
      choiceCount: 3,
      activeRequestBias: 0.5,
      slowStart: undefined,
    });
    assert.deepEqual(told.parameters, { choiceCount: 3, activeRequestBias: 0.5 });
    assert.match(told.decision[0] ?? '', /^Least request: of 3 endpoints .* \^ 0\.5\.$/);
  });
});
