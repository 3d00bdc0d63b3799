import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DEFAULT_TRAFFIC_POLICY,
  type HashSource,
  type LoadBalancing,
} from '../../federation/model/traffic-policy.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { toTrafficPolicy } from './traffic-policy-schema.ts';

function policy(spec: string): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: TrafficPolicy\nmetadata: { name: p, namespace: shop }\nspec:\n  targetRefs: [{ kind: Service, name: cart }]\n  ${spec}\n`;
}

function balancing(text: string): string {
  return policy(`loadBalancing: { ${text} }`);
}

function read(text: string): LoadBalancing {
  return toTrafficPolicy(goodResource('TrafficPolicy', balancing(text))).loadBalancing;
}

const AT = '6: spec.loadBalancing';
const HEADER: HashSource = { kind: 'header', name: 'x-user' };

describe('a TrafficPolicy', () => {
  const refused: readonly (readonly [string, string])[] = [
    [policy('loadBalancer: {}'), '6: spec.loadBalancer: unknown key [did you mean loadBalancing?]'],
    [
      balancing('type: Fastest'),
      `${AT}.type: must be one of PowerOfTwo, RoundRobin, Random, LeastRequest, RingHash, Maglev`,
    ],
    [balancing('kind: Random'), `${AT}.kind: unknown key`],
    [balancing('type: RingHash'), `${AT}: RingHash needs hashOn`],
    [balancing('type: Maglev'), `${AT}: Maglev needs hashOn`],
    [balancing('type: Random, hashOn: { header: x }'), `${AT}.hashOn: is only for RingHash, Maglev`],
    [balancing('type: Random, leastRequest: {}'), `${AT}.leastRequest: is only for LeastRequest`],
    [
      balancing('type: Maglev, hashOn: { header: x }, slowStart: {}'),
      `${AT}.slowStart: is only for PowerOfTwo, RoundRobin, Random, LeastRequest`,
    ],
    [
      balancing('type: Maglev, hashOn: {}'),
      `${AT}.hashOn: needs exactly one of header, cookie and sourceAddress`,
    ],
    [
      balancing('type: Maglev, hashOn: { header: x, sourceAddress: true }'),
      `${AT}.hashOn: needs exactly one of header, cookie and sourceAddress`,
    ],
    [
      balancing('type: Maglev, hashOn: { sourceAddress: false }'),
      `${AT}.hashOn.sourceAddress: can only be true`,
    ],
    [
      balancing('type: Maglev, hashOn: { header: "a b" }'),
      `${AT}.hashOn.header: is not the name of a header`,
    ],
    [
      balancing('type: Maglev, hashOn: { header: Isthmus-Caller }'),
      `${AT}.hashOn.header: is a header that says nothing of the client here`,
    ],
    [
      balancing('type: Maglev, hashOn: { cookie: { name: "a;b" } }'),
      `${AT}.hashOn.cookie.name: is not the name of a cookie`,
    ],
    [
      balancing('type: Maglev, hashOn: { cookie: { name: a, path: "/;b" } }'),
      `${AT}.hashOn.cookie.path: is not a path that begins with /`,
    ],
    [
      balancing('type: Maglev, hashOn: { header: x }, maglev: { tableSize: 65536 }'),
      `${AT}.maglev.tableSize: is not a prime number, such as 65537`,
    ],
    [
      balancing(
        'type: RingHash, hashOn: { header: x }, ringHash: { minimumRingSize: 9, maximumRingSize: 8 }',
      ),
      `${AT}.ringHash.maximumRingSize: is less than minimumRingSize`,
    ],
    [balancing('slowStart: { window: 0s }'), `${AT}.slowStart.window: must be longer than 0`],
    [balancing('slowStart: { minWeightPercent: 0 }'), `${AT}.slowStart.minWeightPercent: must be at least 1`],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${problem}`, () => {
      assert.deepEqual(
        resourceProblems(text).map((found) => (problem.includes('[') ? found : found.replace(/ \[.*/, ''))),
        [problem],
      );
    });
  }

  it('that says only whom it is for leaves the defaults in force', () => {
    const targets = [{ namespace: 'shop', name: 'cart' }];
    const read = toTrafficPolicy(goodResource('TrafficPolicy', policy('')));
    assert.deepEqual(read, { ...DEFAULT_TRAFFIC_POLICY, name: 'p', namespace: 'shop', targets });
  });

  const good: readonly (readonly [string, LoadBalancing])[] = [
    ['', { kind: 'power-of-two', slowStart: undefined }],
    [
      'type: RoundRobin, slowStart: {}',
      { kind: 'round-robin', slowStart: { windowMs: 30_000, minWeightPercent: 10, aggression: 1 } },
    ],
    [
      'type: Random, slowStart: { window: 1m, minWeightPercent: 5, aggression: 2 }',
      { kind: 'random', slowStart: { windowMs: 60_000, minWeightPercent: 5, aggression: 2 } },
    ],
    [
      'type: LeastRequest',
      { kind: 'least-request', choiceCount: 2, activeRequestBias: 1, slowStart: undefined },
    ],
    [
      'type: LeastRequest, leastRequest: { choiceCount: 5, activeRequestBias: 0.5 }',
      { kind: 'least-request', choiceCount: 5, activeRequestBias: 0.5, slowStart: undefined },
    ],
    [
      'type: RingHash, hashOn: { header: X-User }',
      { kind: 'ring-hash', hashOn: HEADER, minimumRingSize: 1024, maximumRingSize: 65_536 },
    ],
    [
      'type: RingHash, hashOn: { header: X-User }, ringHash: { minimumRingSize: 100000 }',
      { kind: 'ring-hash', hashOn: HEADER, minimumRingSize: 100_000, maximumRingSize: 100_000 },
    ],
    [
      'type: Maglev, hashOn: { sourceAddress: true }',
      { kind: 'maglev', hashOn: { kind: 'source-address' }, tableSize: 65_537 },
    ],
    [
      'type: Maglev, hashOn: { cookie: { name: Session, ttl: 1h } }, maglev: { tableSize: 251 }',
      {
        kind: 'maglev',
        hashOn: { kind: 'cookie', name: 'Session', path: '/', ttlMs: 3_600_000 },
        tableSize: 251,
      },
    ],
  ];
  for (const [text, expected] of good) {
    it(`reads { ${text} }`, () => {
      assert.deepEqual(read(text), expected);
    });
  }
});
