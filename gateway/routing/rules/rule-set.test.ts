import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SnapshotPort } from '../../../federation/model/snapshot.ts';
import { type GivenRoute, routesOfPayments } from '../../../test/fixtures/mesh-routes.ts';
import type { HeaderBlock } from '../../http/stream.ts';
import { RuleSet, ruleSetOf } from './rule-set.ts';

const PORT: SnapshotPort = {
  name: 'web',
  port: 80,
  protocol: 'http',
  appProtocol: undefined,
  listenPort: undefined,
};

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly fields?: HeaderBlock;
  readonly caller?: string;
}

/** The names of the rules tell which was taken. */
function taken(
  routes: readonly GivenRoute[],
  { method = 'GET', path, fields = [], caller }: Asked,
): string | undefined {
  const set = new RuleSet(routesOfPayments(...routes), 1);
  const block = [':method', method, ':authority', 'payments.shop', ':path', path, ...fields];
  const match = set.find(caller, { method, path, block });
  return typeof match === 'string' ? match : match.rule.source.name;
}

function http(...rules: readonly (readonly [name: string, ...matches: object[]])[]): GivenRoute {
  return {
    rules: rules.map(([name, ...matches]) => ({ name, ...(matches.length === 0 ? {} : { matches }) })),
  };
}

const exact = (value: string) => ({ path: { type: 'Exact', value } });
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } });
const pattern = (value: string) => ({ path: { type: 'RegularExpression', value } });
const header = (name: string, value = 'x') => ({ name, value });

describe('matches', () => {
  for (const [wanted, yes, no] of [
    [exact('/a'), ['/a', '/a?q=1'], ['/a/', '/ab', '/A', '/', '/b?/a']],
    [prefix('/a'), ['/a', '/a/', '/a/b', '/a?q'], ['/ab', '/A', '/']],
    [prefix('/a/'), ['/a', '/a/', '/a/b'], ['/ab']],
    [prefix('/'), ['/', '/a', '/?q'], []],
    [prefix('/%7Ea'), ['/~a'], ['/%7Ea']],
    [pattern('/v[0-9]+(/.*)?'), ['/v1', '/v22/x', '/v1/x?q=/w'], ['/v', '/v1x', '/x/v1']],
    [{ method: 'POST' }, [], ['/']],
    [
      { queryParams: [header('q', '1')] },
      ['/?q=1', '/?a=b&q=1', '/?q=1&q=2', '/?%71=%31'],
      ['/', '/?q=2&q=1', '/?qq=1', '/?q=11', '/?q', '/q=1'],
    ],
    [{ queryParams: [header('q', 'a b')] }, ['/?q=a+b', '/?q=a%20b'], ['/?q=a%2', '/?q=ab']],
    [{ queryParams: [{ ...header('q', 'v.'), type: 'RegularExpression' }] }, ['/?q=v1'], ['/?q=v12']],
    [{ queryParams: [header('a'), header('b')] }, ['/?b=x&a=x'], ['/?a=x']],
  ] as const) {
    it(`${JSON.stringify(wanted)}`, () => {
      for (const path of yes) assert.equal(taken([http(['it', wanted])], { path }), 'it', path);
      for (const path of no) assert.equal(taken([http(['it', wanted])], { path }), 'none', path);
    });
  }

  it('all conditions of one, and any of several', () => {
    const both = { ...prefix('/a'), method: 'GET', headers: [header('X-Tier', 'gold'), header('y', '1')] };
    const rule = http(['it', both, exact('/other')]);
    assert.equal(taken([rule], { path: '/a', fields: ['x-tier', 'gold', 'y', '1'] }), 'it');
    assert.equal(taken([rule], { path: '/a', fields: ['x-tier', 'gold'] }), 'none');
    assert.equal(taken([rule], { path: '/a', fields: ['x-tier', 'Gold', 'y', '1'] }), 'none');
    assert.equal(taken([rule], { path: '/other' }), 'it');
  });

  it('a header by its whole list, by a pattern, and the host', () => {
    assert.equal(
      taken([http(['it', { headers: [header('a', '1, 2')] }])], { path: '/', fields: ['a', '1', 'a', '2'] }),
      'it',
    );
    const any = { headers: [{ ...header('a', '[0-9]+'), type: 'RegularExpression' }] };
    assert.equal(taken([http(['it', any])], { path: '/', fields: ['a', '42'] }), 'it');
    assert.equal(taken([http(['it', any])], { path: '/', fields: ['a', '42x'] }), 'none');
    assert.equal(taken([http(['it', { headers: [header('Host', 'payments.shop')] }])], { path: '/' }), 'it');
  });
});

describe('precedence between the matches of HTTPRoutes', () => {
  const both = { ...prefix('/'), method: 'GET' };
  const cases: readonly (readonly [string, object, object, Asked])[] = [
    [
      'an exact path goes before a longer prefix',
      exact('/a'),
      { ...prefix('/a'), headers: [header('h')] },
      { path: '/a', fields: ['h', 'x'] },
    ],
    ['an exact path goes before a pattern', exact('/a'), pattern('/a.*'), { path: '/a' }],
    ['a pattern goes before a prefix', pattern('/a.*'), prefix('/a/b'), { path: '/a/b' }],
    ['the longest prefix', prefix('/a/b'), prefix('/a'), { path: '/a/b/c' }],
    ['a longer prefix before a method', prefix('/a'), both, { path: '/a' }],
    [
      'a method before headers',
      both,
      { headers: [header('h'), header('i')] },
      { path: '/', fields: ['h', 'x', 'i', 'x'] },
    ],
    [
      'the most headers',
      { headers: [header('h'), header('i')] },
      { headers: [header('h')] },
      { path: '/', fields: ['h', 'x', 'i', 'x'] },
    ],
    [
      'headers before query parameters',
      { headers: [header('h')] },
      { queryParams: [header('q'), header('r')] },
      { path: '/?q=x&r=x', fields: ['h', 'x'] },
    ],
    [
      'the most query parameters',
      { queryParams: [header('q'), header('r')] },
      { queryParams: [header('q')] },
      { path: '/?q=x&r=x' },
    ],
  ];
  for (const [what, first, second, asked] of cases) {
    it(what, () => {
      assert.equal(taken([http(['second', second], ['first', first])], asked), 'first');
      const apart = [
        { ...http(['second', second]), name: 'a' },
        { ...http(['first', first]), name: 'b', createdAtMs: 9 },
      ];
      assert.equal(taken(apart, asked), 'first');
    });
  }

  it('of two that are equal, that of the older route, then by name, then the first of its route', () => {
    const asked = { path: '/' };
    const old = { ...http(['old']), name: 'z', createdAtMs: 1 };
    assert.equal(taken([{ ...http(['new']), name: 'a', createdAtMs: 2 }, old], asked), 'old');
    assert.equal(
      taken(
        [
          { ...http(['b']), name: 'b' },
          { ...http(['a']), name: 'a' },
        ],
        asked,
      ),
      'a',
    );
    assert.equal(taken([http(['one'], ['two'])], asked), 'one');
  });

  it('merges routes: what one does not match another may', () => {
    const routes = [
      { ...http(['a', prefix('/a')]), name: 'a' },
      { ...http(['b', prefix('/b')]), name: 'b' },
    ];
    assert.equal(taken(routes, { path: '/b/x' }), 'b');
    assert.equal(taken(routes, { path: '/c' }), 'none');
  });
});

describe('GRPCRoutes', () => {
  const rpc = (name: string, method: object, headers: object[] = []): GivenRoute => ({
    kind: 'GRPCRoute',
    name,
    rules: [{ name, matches: [{ method, headers }] }],
  });

  it('match services and methods', () => {
    const one = [rpc('it', { service: 'shop.Payments', method: 'Pay' })];
    assert.equal(taken(one, { method: 'POST', path: '/shop.Payments/Pay' }), 'it');
    assert.equal(taken(one, { method: 'POST', path: '/shop.Payments/Refund' }), 'none');
    assert.equal(taken(one, { method: 'POST', path: '/shop.Payments2/Pay' }), 'none');
    assert.equal(taken([rpc('it', { method: 'Pay' })], { path: '/any.Service/Pay' }), 'it');
    assert.equal(taken([rpc('it', { service: 'a' })], { path: '/a' }), 'none');
    assert.equal(
      taken([rpc('it', { type: 'RegularExpression', service: 'shop\\..+' })], { path: '/shop.X/Y' }),
      'it',
    );
  });

  it('have an order of their own', () => {
    const path = '/shop.Payments/Pay';
    const service = rpc('service', { service: 'shop.Payments' });
    const method = rpc('a-method', { method: 'Pay' });
    const full = rpc('full', { service: 'shop.Payments', method: 'Pay' });
    const fields = rpc('z-fields', { service: 'shop.Payments', method: 'Pay' }, [header('h')]);
    assert.equal(taken([method, service], { path }), 'service');
    assert.equal(taken([service, full], { path }), 'full');
    assert.equal(taken([full, fields], { path, fields: ['h', 'x'] }), 'z-fields');
    assert.equal(taken([full, fields], { path }), 'full');
  });

  it('hold alone where both kinds are attached to a port', () => {
    const routes = [http(['http']), rpc('grpc', { service: 'a' })];
    assert.equal(taken(routes, { path: '/a/b' }), 'grpc');
    assert.equal(taken(routes, { path: '/' }), 'none');
  });
});

describe('consumer routes', () => {
  const mine = { ...http(['consumer', prefix('/a')]), namespace: 'web', name: 'mine' };
  const caller = 'spiffe://east.mesh.example/ns/web/sa/front';

  it("hold for callers of their namespace alone, in place of the service's own", () => {
    const routes = [http(['producer']), mine];
    assert.equal(taken(routes, { path: '/a', caller }), 'consumer');
    assert.equal(taken(routes, { path: '/b', caller }), 'none');
    for (const other of [
      undefined,
      'spiffe://east.mesh.example/ns/other/sa/front',
      'spiffe://east.mesh.example/ns/web',
    ]) {
      assert.equal(
        taken(routes, { path: '/a', ...(other === undefined ? {} : { caller: other }) }),
        'producer',
      );
    }
  });

  it('leave everybody else as without routes', () => {
    assert.equal(taken([mine], { path: '/a' }), 'no-rules');
  });
});

describe('the rules of a port', () => {
  const route = (parent: object) => routesOfPayments({ ...http(['it']), parent });

  it('are those of routes that are attached to it', () => {
    for (const parent of [{}, { port: 80 }, { sectionName: 'web' }, { port: 80, sectionName: 'web' }]) {
      assert.notEqual(ruleSetOf(route(parent), PORT, undefined, 1), undefined, JSON.stringify(parent));
    }
    for (const parent of [{ port: 81 }, { sectionName: 'admin' }, { port: 80, sectionName: 'admin' }]) {
      assert.equal(ruleSetOf(route(parent), PORT, undefined, 1), undefined, JSON.stringify(parent));
    }
    assert.equal(ruleSetOf(route({}), { ...PORT, protocol: 'tcp' }, undefined, 1), undefined);
    assert.equal(ruleSetOf(undefined, PORT, undefined, 1), undefined);
  });

  it('stay the same object while their routes do, so that turns go on', () => {
    const before = ruleSetOf(route({}), PORT, undefined, 1);
    assert.equal(ruleSetOf(route({}), PORT, before, 1), before);
    assert.notEqual(ruleSetOf(route({ port: 80 }), PORT, before, 1), before);
  });
});
