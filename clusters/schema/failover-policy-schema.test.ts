import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../../federation/model/policy.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { toFailoverPolicy } from './failover-policy-schema.ts';

const CART = 'targetRefs: [{ kind: Service, name: cart }]';

function policy(spec: string): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: FailoverPolicy\nmetadata: { name: p, namespace: shop }\nspec:\n  ${spec}\n`;
}

function cart(rest: string): string {
  return policy(`${CART}\n  ${rest}`);
}

function read(text: string): FailoverPolicy {
  return toFailoverPolicy(goodResource('FailoverPolicy', text));
}

function many(length: number, item: (index: number) => string): string {
  return `[${Array.from({ length }, (_, index) => item(index)).join()}]`;
}

describe('a FailoverPolicy', () => {
  const refused: readonly (readonly [string, string])[] = [
    [policy('targetRefs: []'), '5: spec.targetRefs: names no target'],
    [policy('panicThreshold: 50'), '4: spec.targetRefs: is missing (array)'],
    [
      policy(`targetRefs: ${many(17, (index) => `{ kind: Service, name: a${index} }`)}`),
      '5: spec.targetRefs: names more than 16 targets',
    ],
    [
      policy('targetRefs: [{ kind: Pod, name: cart }]'),
      '5: spec.targetRefs.0.kind: must be one of Service, ServiceImport',
    ],
    [
      policy('targetRefs: [{ kind: ServiceImport, name: cart }]'),
      '5: spec.targetRefs.0.group: the group of a Service is "", of a ServiceImport multicluster.x-k8s.io',
    ],
    [cart('tier: []'), '6: spec.tier: unknown key [did you mean tiers?]'],
    [cart('tiers: []'), '6: spec.tiers: must have at least 1 item'],
    [cart(`tiers: ${many(17, () => '{ locality: Any }')}`), '6: spec.tiers: has more than 16 tiers'],
    [cart('tiers: [{}]'), '6: spec.tiers.0: needs exactly one of clusters, locality and region'],
    [
      cart('tiers: [{ locality: Any, region: eu }]'),
      '6: spec.tiers.0: needs exactly one of clusters, locality and region',
    ],
    [cart('tiers: [{ locality: Any, zone: eu-a }]'), '6: spec.tiers.0.zone: needs its region'],
    [
      cart('tiers: [{ locality: samezone }]'),
      '6: spec.tiers.0.locality: must be one of SameZone, SameRegion, Any',
    ],
    [cart('tiers: [{ clusters: [] }]'), '6: spec.tiers.0.clusters: must have at least 1 item'],
    [
      cart('tiers: [{ clusters: [{ name: west, weight: -1 }] }]'),
      '6: spec.tiers.0.clusters.0.weight: must be at least 0',
    ],
    [cart('tiers: [{ locality: Any, maxShare: 30 }]'), '6: spec.tiers.0.maxShare: must be at most 1'],
    [
      cart('tiers: [{ locality: Any, maxConcurrent: 0 }]'),
      '6: spec.tiers.0.maxConcurrent: must be at least 1',
    ],
    [cart('overprovisioningFactor: 0.5'), '6: spec.overprovisioningFactor: must be at least 1'],
    [cart('panicThreshold: 120'), '6: spec.panicThreshold: must be at most 100'],
    [cart('staleAfter: 5'), '6: spec.staleAfter: is not a duration such as 30s, 500ms or 1h15m'],
    [
      cart('failback: { holdDown: 30sec }'),
      '6: spec.failback.holdDown: is not a duration such as 30s, 500ms or 1h15m',
    ],
    [cart('failback: { minHealthy: 101 }'), '6: spec.failback.minHealthy: must be at most 100'],
    [cart('failback: { steps: [] }'), '6: spec.failback.steps: must have at least 1 item'],
    [cart('failback: { steps: [0, 100] }'), '6: spec.failback.steps.0: must be more than 0'],
    [cart('failback: { steps: [50, 10, 100] }'), '6: spec.failback.steps: must ascend'],
    [cart('failback: { steps: [50, 50, 100] }'), '6: spec.failback.steps: must ascend'],
    [cart('failback: { steps: [10, 50] }'), '6: spec.failback.steps: must end with 100'],
    [
      cart('outlierDetection: { consecutiveFailures: 0 }'),
      '6: spec.outlierDetection.consecutiveFailures: must be at least 1',
    ],
    [
      cart('outlierDetection: { maxEjectionPercent: -1 }'),
      '6: spec.outlierDetection.maxEjectionPercent: must be at least 0',
    ],
    [cart('healthCheck: { interval: 1s }'), '6: spec.healthCheck: needs exactly one of http, grpc and tcp'],
    [
      cart('healthCheck: { tcp: {}, grpc: {} }'),
      '6: spec.healthCheck: needs exactly one of http, grpc and tcp',
    ],
    [
      cart('healthCheck: { http: { path: healthz } }'),
      '6: spec.healthCheck.http.path: is not a path that begins with /',
    ],
    [
      cart('healthCheck: { http: { path: /, expectedStatus: [99] } }'),
      '6: spec.healthCheck.http.expectedStatus.0: must be at least 200',
    ],
    [
      cart('healthCheck: { tcp: {}, healthyThreshold: 0 }'),
      '6: spec.healthCheck.healthyThreshold: must be at least 1',
    ],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${problem.slice(0, 90)}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('that says only whom it is for leaves the defaults in force', () => {
    const targets = [{ namespace: 'shop', name: 'cart' }];
    assert.deepEqual(read(policy(CART)), {
      ...DEFAULT_FAILOVER_POLICY,
      name: 'p',
      namespace: 'shop',
      targets,
    });
  });

  it('orders tiers by place or by cluster, with their bounds', () => {
    const { tiers } = read(
      cart(
        'tiers: [{ locality: SameZone }, { locality: SameRegion, maxShare: 0.5 }, { region: us, zone: us-a }, ' +
          '{ clusters: [{ name: west, weight: 3 }, { name: north }], maxConcurrent: 10 }, { locality: Any }]',
      ),
    );
    assert.deepEqual(tiers, [
      { selector: { kind: 'same-zone' }, maxShare: undefined, maxConcurrent: undefined },
      { selector: { kind: 'same-region' }, maxShare: 0.5, maxConcurrent: undefined },
      {
        selector: { kind: 'region', region: 'us', zone: 'us-a' },
        maxShare: undefined,
        maxConcurrent: undefined,
      },
      {
        selector: {
          kind: 'clusters',
          clusters: [
            { cluster: 'west', weight: 3 },
            { cluster: 'north', weight: 1 },
          ],
        },
        maxShare: undefined,
        maxConcurrent: 10,
      },
      { selector: { kind: 'any' }, maxShare: undefined, maxConcurrent: undefined },
    ]);
  });

  it('reads durations of several units', () => {
    const { failback, staleAfterMs } = read(cart('staleAfter: 1h15m\n  failback: { holdDown: 1s500ms }'));
    assert.equal(staleAfterMs, 4_500_000);
    assert.equal(failback.holdDownMs, 1_500);
  });

  const times = { intervalMs: 5_000, timeoutMs: 1_000, unhealthyThreshold: 2, healthyThreshold: 2 };
  const checks: readonly (readonly [string, object])[] = [
    ['http: { path: /healthz }', { kind: 'http', path: '/healthz', expectedStatus: [200] }],
    ['grpc: {}', { kind: 'grpc', service: '' }],
    ['tcp: {}', { kind: 'tcp' }],
  ];
  for (const [text, check] of checks) {
    it(`asks for a health check of ${text}`, () => {
      assert.deepEqual(read(cart(`healthCheck: { ${text} }`)).healthCheck, { check, ...times });
    });
  }
});
