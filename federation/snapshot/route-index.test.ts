import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProvidedService } from '../../clusters/provider.ts';
import { backendGrant, type GivenRoute, meshRoute } from '../../test/fixtures/mesh-routes.ts';
import { type TestService, testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { backendKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { serviceRoutesFromJson } from '../wire/mesh-route-json.ts';
import { RouteIndex } from './route-index.ts';
import { type RouteCondition, routeProblems, routeVerdicts } from './route-verdict.ts';

const KEY = 'shop/payments';
const RPC = { backendRefs: [{ name: 'rpc', namespace: 'shop', port: 80 }] };
const ONE = { backendRefs: [{ name: 'v1', namespace: 'shop', port: 80 }] };

function index(given: readonly GivenRoute[], grants: readonly object[] = []): RouteIndex {
  const meshRoutes = new Map(given.map((one, at) => [String(at), meshRoute(one)]));
  return new RouteIndex({
    meshRoutes,
    backendGrants: new Map(grants.map((spec, at) => [String(at), backendGrant(spec)])),
    services: new Map(),
  });
}

/** payments and v1 (http), rpc (http2), and db (tcp). */
function servicesOf(found: RouteIndex): ReadonlyMap<string, SnapshotService> {
  const service = (name: string, more: Partial<TestService> = {}): TestService => {
    const routes = found.routesOf(`shop/${name}`);
    return { name, protocol: 'http', endpoints: [1], offeredBy: [], ...more, ...(routes && { routes }) };
  };
  return testSnapshot({
    cluster: 'east',
    peers: {},
    bundles: new Map(),
    services: [
      service('payments'),
      service('v1'),
      service('db', { protocol: 'tcp' }),
      service('rpc', { protocol: 'http2' }),
    ],
  }).services;
}

/** Services of this cluster that nobody exports, each with port 80 for HTTP and 81 for others. */
function locals(names: readonly string[]): ReadonlyMap<string, ProvidedService> {
  const port = { name: 'http', port: 80, protocol: 'http', appProtocol: undefined } as const;
  return new Map(
    names.map((name) => [
      `shop/${name}`,
      {
        service: { namespace: 'shop', name },
        type: 'ClusterSetIP',
        ports: [port, { ...port, name: 'db', port: 81, protocol: 'tcp' }],
        endpoints: [],
        exportedAtMs: undefined,
        changedAtMs: 1,
      },
    ]),
  );
}

/** As `Type=Status Reason`. */
function verdicts(found: RouteIndex, provided: readonly string[] = []): string[][] {
  const text = ({ type, status, reason }: RouteCondition) => `${type}=${status ? 'True' : 'False'} ${reason}`;
  return routeVerdicts(found.attachments, servicesOf(found), locals(provided)).map((verdict) =>
    verdict.conditions.map(text),
  );
}

const GOOD = ['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'];

describe('routes of a service', () => {
  it("leave the service's own their room, and other namespaces theirs, however old they are", () => {
    const many = Array.from({ length: 300 }, (_, at) => ({
      name: `r${at}`,
      namespace: 'greedy',
      createdAtMs: 1,
      rules: [ONE],
    }));
    const found = index([
      ...many,
      { name: 'own', createdAtMs: 3, rules: [ONE] },
      { name: 'late', namespace: 'other', createdAtMs: 2, rules: [ONE] },
    ]);
    const routes = found.routesOf(KEY) ?? [];
    assert.deepEqual([routes[0]?.name, routes.at(-1)?.name, routes.length], ['own', 'late', 66]);
    assert.equal(found.attachments.filter(({ overflow }) => overflow).length, 236);
  });

  it("are in the order of age, then of namespace and name, the service's own first", () => {
    const found = index([
      { name: 'b', createdAtMs: 2, rules: [ONE] },
      { name: 'c', createdAtMs: 1, rules: [ONE] },
      { name: 'a', createdAtMs: 2, rules: [ONE] },
      { name: 'z', namespace: 'a', createdAtMs: 2, rules: [ONE] },
    ]);
    assert.deepEqual(
      found.routesOf(KEY)?.map((route) => route.name),
      ['c', 'a', 'b', 'z'],
    );
    assert.deepEqual(
      found.routesOf(KEY)?.map((route) => route.consumer),
      [false, false, false, true],
    );
    assert.equal(found.routesOf('shop/other'), undefined);
  });

  it('are the same after the wire', () => {
    const rule = {
      name: 'all',
      matches: [
        {
          path: { type: 'RegularExpression', value: '/v[0-9]+' },
          method: 'GET',
          headers: [{ name: 'a', value: 'b' }],
          queryParams: [{ name: 'q', type: 'RegularExpression', value: '.*' }],
        },
      ],
      filters: [
        {
          type: 'RequestHeaderModifier',
          requestHeaderModifier: { set: [{ name: 'a', value: 'é' }], remove: ['b'] },
        },
        {
          type: 'RequestMirror',
          requestMirror: { backendRef: { name: 'm', port: 1 }, fraction: { numerator: 1, denominator: 3 } },
        },
        {
          type: 'URLRewrite',
          urlRewrite: { hostname: 'h.example', path: { type: 'ReplaceFullPath', replaceFullPath: '/z' } },
        },
        { type: 'ExtensionRef' },
      ],
      ...ONE,
      timeouts: { request: '2s', backendRequest: '1s' },
      retry: { attempts: 2, codes: [503], backoff: '5ms' },
    };
    const moved = { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', port: 443 } }] };
    const grpc = {
      kind: 'GRPCRoute',
      name: 'g',
      rules: [{ matches: [{ method: { service: 'a.B', method: 'C' } }] }],
    } as const;
    const routes = index([
      { rules: [rule, moved, { backendRefs: [{ kind: 'Pod', name: 'x', port: 1 }] }] },
      grpc,
    ]).routesOf(KEY);
    assert.deepEqual(serviceRoutesFromJson('routes_json', JSON.stringify(routes)), routes);
  });

  it('are not more than a gateway takes', () => {
    const many = Array.from({ length: 40 }, (_, at) => ({ path: { value: `/${at}` } }));
    const rules = [{ matches: many }, { matches: many }];
    const found = index(Array.from({ length: 30 }, (_, at) => ({ name: `r${at}`, createdAtMs: at, rules })));
    assert.equal(found.routesOf(KEY)?.length, 25);
    assert.deepEqual(verdicts(found)[29], [
      'Accepted=False UnsupportedValue',
      'ResolvedRefs=True ResolvedRefs',
    ]);
  });
});

describe('what the wire refuses', () => {
  it('names the field', () => {
    const [route] = index([{ rules: [ONE] }]).routesOf(KEY) ?? [];
    const json = JSON.stringify([route]);
    for (const [from, to, told] of [
      ['"weight":1', '"weight":-1', /rules\[0\]\.backends\[0\]\.weight: -1 is not in/],
      ['"kind":"prefix"', '"kind":"glob"', /matches\[0\]\.path\.kind: is none of/],
      ['"kind":"prefix","value":"/"', '"kind":"pattern","value":"("', /value: the regular expression/],
      ['"consumer":false', '"consumer":1', /consumer: is neither/],
      ['"index":0', '"index":0,"later":1', /field "later" is unknown/],
    ] as const) {
      assert.ok(json.includes(from), from);
      assert.throws(() => serviceRoutesFromJson('routes_json', json.replace(from, to)), told);
    }
  });
});

describe('verdicts', () => {
  const bucket = { group: 'x.example', kind: 'Bucket', name: 'b' };
  const cases: readonly (readonly [string, GivenRoute, readonly string[]])[] = [
    ['all well', { rules: [ONE] }, GOOD],
    ['a port by number', { parent: { port: 80 }, rules: [ONE] }, GOOD],
    ['a port by name', { parent: { sectionName: 'main' }, rules: [ONE] }, GOOD],
    [
      'no such port',
      { parent: { port: 81 }, rules: [ONE] },
      ['Accepted=False NoMatchingParent', GOOD[1] as string],
    ],
    [
      'no such name',
      { parent: { sectionName: 'x' }, rules: [ONE] },
      ['Accepted=False NoMatchingParent', GOOD[1] as string],
    ],
    [
      'a TCP service',
      { parent: { name: 'db' }, rules: [ONE] },
      ['Accepted=False NoMatchingParent', GOOD[1] as string],
    ],
    [
      'no such service',
      { parent: { name: 'none' }, rules: [ONE] },
      ['Accepted=False NoMatchingParent', GOOD[1] as string],
    ],
    [
      'nothing supported',
      { rules: [{ filters: [{ type: 'ExtensionRef' }] }] },
      ['Accepted=False UnsupportedValue', GOOD[1] as string],
    ],
    [
      'no rule left',
      { rules: [{ matches: [{ method: 'X' }] }] },
      ['Accepted=False UnsupportedValue', GOOD[1] as string],
    ],
    [
      'some rules',
      { rules: [ONE, { filters: [{ type: 'ExtensionRef' }] }] },
      [...GOOD, 'PartiallyInvalid=True UnsupportedValue'],
    ],
    [
      'some left out',
      { rules: [ONE, { matches: [{ method: 'X' }] }] },
      [...GOOD, 'PartiallyInvalid=True UnsupportedValue'],
    ],
    [
      'another kind',
      { rules: [{ backendRefs: [bucket] }] },
      [GOOD[0] as string, 'ResolvedRefs=False InvalidKind'],
    ],
    [
      'no such backend',
      { rules: [{ backendRefs: [{ name: 'x', port: 80 }] }] },
      [GOOD[0] as string, 'ResolvedRefs=False BackendNotFound'],
    ],
    [
      'no such backend port',
      { rules: [{ backendRefs: [{ name: 'v1', port: 81 }] }] },
      [GOOD[0] as string, 'ResolvedRefs=False BackendNotFound'],
    ],
    [
      'a TCP backend',
      { rules: [{ backendRefs: [{ name: 'db', port: 80 }] }] },
      [GOOD[0] as string, 'ResolvedRefs=False UnsupportedProtocol'],
    ],
    [
      'a backend of a GRPCRoute that speaks HTTP/1.1',
      { kind: 'GRPCRoute', rules: [ONE] },
      [GOOD[0] as string, 'ResolvedRefs=False UnsupportedProtocol'],
    ],
    ['one that speaks HTTP/2', { kind: 'GRPCRoute', rules: [RPC] }, GOOD],
    [
      'a mirror',
      {
        rules: [
          {
            ...ONE,
            filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'x', port: 80 } } }],
          },
        ],
      },
      [GOOD[0] as string, 'ResolvedRefs=False BackendNotFound'],
    ],
  ];
  for (const [what, given, told] of cases) {
    it(what, () => assert.deepEqual(verdicts(index([given])), [told]));
  }

  it('are problems too, but for what the provider has told', () => {
    const found = index([
      { name: 'a', rules: [{ backendRefs: [{ name: 'x', port: 80 }] }] },
      { name: 'b', parent: { name: 'none' }, rules: [ONE] },
      { name: 'c', rules: [{ filters: [{ type: 'ExtensionRef' }] }] },
    ]);
    const told = routeProblems(routeVerdicts(found.attachments, servicesOf(found), new Map()));
    assert.deepEqual(
      told.map(({ where, hint }) => `${where}: ${hint}`),
      [
        'HTTPRoute shop/a, parent shop/payments: its share of the requests gets 500 (BackendNotFound)',
        'HTTPRoute shop/b, parent shop/none: it has no effect there (NoMatchingParent)',
      ],
    );
  });

  it('a backend that is not exported', () => {
    const canary = { name: 'canary', namespace: 'shop' };
    const imported = { ...canary, group: 'multicluster.x-k8s.io', kind: 'ServiceImport' };
    const told = (ref: object, provided: readonly string[]) =>
      verdicts(index([{ rules: [{ backendRefs: [ref] }] }]), provided)[0]?.[1];
    const missing = 'ResolvedRefs=False BackendNotFound';
    assert.equal(told({ ...canary, port: 80 }, ['canary']), GOOD[1]);
    assert.equal(told({ ...canary, port: 80 }, []), missing);
    assert.equal(told({ ...canary, port: 82 }, ['canary']), missing);
    assert.equal(told({ ...canary, port: 81 }, ['canary']), 'ResolvedRefs=False UnsupportedProtocol');
    assert.equal(told({ ...imported, port: 80 }, ['canary']), missing, 'that is what the clusterset has');
  });

  it('a Service that is kept goes before what peers offer by its name', () => {
    const told = (provided: readonly string[], port: number) =>
      verdicts(
        index([{ rules: [{ backendRefs: [{ name: 'db', namespace: 'shop', port }] }] }]),
        provided,
      )[0]?.[1];
    assert.equal(told([], 80), 'ResolvedRefs=False UnsupportedProtocol', 'the db of the clusterset');
    assert.equal(told(['db'], 80), GOOD[1], 'the one of this cluster');
  });

  it('one whose parent only routes lead to has no parent', () => {
    const found = index([{ rules: [ONE] }]);
    const services = new Map(servicesOf(found));
    const payments = services.get(KEY);
    assert.ok(payments);
    services.delete(KEY);
    services.set(backendKey(KEY), { ...payments, backendOnly: true });
    const [verdict] = routeVerdicts(found.attachments, services, new Map());
    assert.equal(verdict?.conditions[0]?.reason, 'NoMatchingParent');
  });

  it('an HTTPRoute beside a GRPCRoute', () => {
    const told = verdicts(
      index([
        { name: 'a', rules: [ONE] },
        { kind: 'GRPCRoute', name: 'b', rules: [RPC] },
      ]),
    );
    assert.deepEqual(told, [['Accepted=False Conflicted', GOOD[1]], GOOD]);
  });

  it('know the Services that they name as backends, and may', () => {
    const ref = (name: string, more: object = {}) => ({ name, namespace: 'shop', port: 80, ...more });
    const found = index([
      {
        rules: [
          {
            backendRefs: [ref('v1'), ref('v2', { weight: 0 }), ref('far', { namespace: 'far' })],
            filters: [{ type: 'RequestMirror', requestMirror: { backendRef: ref('copies') } }],
          },
          {
            backendRefs: [
              ref('v1', { filters: [{ type: 'RequestMirror', requestMirror: { backendRef: ref('v3') } }] }),
              ref('imported', { group: 'multicluster.x-k8s.io', kind: 'ServiceImport' }),
              ref('claim', { kind: 'PersistentVolumeClaim' }),
            ],
          },
        ],
      },
      { name: 'other', parent: { name: 'cart' }, rules: [{ backendRefs: [ref('v1')] }] },
    ]);
    const names = ['copies', 'v1', 'v2', 'v3'].map((name) => `shop/${name}`);
    assert.deepEqual([...found.backendsOf(KEY)].sort(), names);
    assert.deepEqual(found.parentsOf('shop/v1').toSorted(), ['shop/cart', KEY]);
    assert.deepEqual(found.parentsOf('shop/imported'), []);
    assert.deepEqual([...found.backendsOf('shop/v1')], []);
    const far = [{ rules: [{ backendRefs: [ref('v1', { namespace: 'far' })] }] }];
    const from = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' };
    assert.deepEqual(index(far).parentsOf('far/v1'), []);
    const granted = index(far, [{ from: [from], to: [{ group: '', kind: 'Service' }] }]);
    assert.deepEqual(granted.parentsOf('far/v1'), [KEY]);
  });

  it('a backend of a third namespace needs a ReferenceGrant', () => {
    const far = { backendRefs: [{ name: 'v1', namespace: 'far', port: 80 }] };
    const from = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' };
    const to = { group: '', kind: 'Service' };
    const refused = [GOOD[0], 'ResolvedRefs=False RefNotPermitted'];
    const granted = [GOOD[0], 'ResolvedRefs=False BackendNotFound'];
    assert.deepEqual(verdicts(index([{ rules: [far] }])), [refused]);
    for (const [grant, told] of [
      [{ from: [from], to: [to] }, granted],
      [{ from: [from], to: [{ ...to, name: 'v1' }] }, granted],
      [{ from: [from], to: [{ ...to, name: 'v2' }] }, refused],
      [{ from: [{ ...from, namespace: 'web' }], to: [to] }, refused],
      [{ from: [{ ...from, kind: 'GRPCRoute' }], to: [to] }, refused],
      [{ from: [from], to: [{ group: 'multicluster.x-k8s.io', kind: 'ServiceImport' }] }, refused],
    ] as const) {
      assert.deepEqual(verdicts(index([{ rules: [far] }], [grant])), [told], JSON.stringify(grant));
    }
  });

  it('a consumer route may send to its own namespace and to that of its parent', () => {
    const rules = [ONE, { backendRefs: [{ name: 'own', port: 80 }] }];
    const found = index([{ namespace: 'web', rules }]);
    assert.deepEqual(
      found
        .routesOf(KEY)
        ?.flatMap((route) => route.rules.flatMap((rule) => rule.backends.map(({ ref }) => ref.fault))),
      [undefined, undefined],
    );
  });
});
