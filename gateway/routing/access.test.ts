import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { normalisePath } from '../pipeline/path.ts';
import { compileAccess } from './access.ts';

const CART = 'spiffe://east.mesh.example/ns/shop/sa/cart';

function rule(action: AccessRule['action'], changes: Partial<AccessRule> = {}): AccessRule {
  return { ...EVERY_REQUEST, action, ...changes };
}

function allowed(
  rules: readonly AccessRule[],
  request: { caller?: string; cluster?: string; method?: string | undefined; path?: string | undefined } = {},
): boolean {
  const { method, path } = { method: 'GET', path: '/', ...request };
  return compileAccess(rules).decide(request.caller, request.cluster ?? 'east', method, path).allowed;
}

describe('access without rules', () => {
  it('is for everyone', () => {
    assert.equal(compileAccess([]).everyone, true);
    assert.deepEqual(compileAccess([]).decide(undefined, 'east', 'GET', '/'), {
      allowed: true,
      because: 'no-rules',
    });
  });
});

describe('access rules', () => {
  it('of which one denies leave the rest allowed', () => {
    const rules = [rule('deny', { methods: ['DELETE'] })];
    assert.equal(allowed(rules), true);
    assert.equal(allowed(rules, { method: 'DELETE' }), false);
  });

  it('of which one allows leave nobody else in', () => {
    const rules = [rule('allow', { principals: [CART] })];
    assert.equal(allowed(rules, { caller: CART }), true);
    assert.equal(allowed(rules, { caller: `${CART}2` }), false);
    assert.equal(allowed(rules), false, 'an anonymous caller');
  });

  it('deny before any allows, whatever their order', () => {
    const rules = [rule('allow'), rule('deny', { principals: [CART] })];
    assert.equal(allowed(rules, { caller: CART }), false);
    assert.equal(allowed(rules), true);
    assert.deepEqual(compileAccess(rules).decide(CART, 'east', 'GET', '/'), {
      allowed: false,
      because: 'rule',
      rule: 1,
    });
  });

  it('match paths however they are spelt', () => {
    for (const [field, path, asked] of [
      ['paths', '/caf%c3%a9', '/caf%c3%a9'],
      ['paths', '/%7Eadmin', '/~admin'],
      ['pathPrefixes', '/api//v1', '/api/v1/x'],
      ['pathPrefixes', '/a/../admin', '/admin/x'],
      ['pathPrefixes', '/%61dmin/', '/admin/x'],
    ] as const) {
      const rules = [rule('deny', { [field]: [path] })];
      assert.equal(allowed(rules, { path: normalisePath(asked) }), false, path);
      assert.equal(allowed(rules, { path: '/other' }), true, path);
    }
    const none = [rule('allow', { paths: ['/a%00'] })];
    assert.equal(allowed(none, { path: '/' }), false, 'a path that no request can have');
  });

  it('that allow what begins with dots allow no more than that', () => {
    for (const prefix of [
      '/.',
      '/files/.',
      '/files/..',
      '/files/%2E',
      '/files%2f.',
      '/files\\.',
      '/files/.?a',
    ]) {
      const rules = [rule('allow', { pathPrefixes: [prefix] })];
      assert.equal(allowed(rules, { path: '/files/secret?a' }), false, prefix);
      assert.equal(allowed(rules, { path: '/files/?a' }), false, prefix);
    }
    const denied = [rule('deny', { pathPrefixes: ['/files/.'] })];
    assert.equal(allowed(denied, { path: '/files/secret' }), false);
    assert.equal(allowed([rule('allow', { pathPrefixes: ['/a/../files'] })], { path: '/files/x' }), true);
  });

  it('match principals whole or by a prefix', () => {
    const rules = [rule('allow', { principals: ['spiffe://east.mesh.example/ns/shop/*'] })];
    assert.equal(allowed(rules, { caller: CART }), true);
    assert.equal(allowed(rules, { caller: 'spiffe://east.mesh.example/ns/shopping/sa/cart' }), false);
    assert.equal(allowed([rule('allow', { principals: ['*'] })]), false, '* is anyone who is known');
  });

  it('match all that they name, any of each', () => {
    const rules = [
      rule('allow', { principals: [CART], sourceClusters: ['east', 'west'], methods: ['GET', 'POST'] }),
    ];
    assert.equal(allowed(rules, { caller: CART, cluster: 'west', method: 'POST' }), true);
    assert.equal(allowed(rules, { caller: CART, cluster: 'south' }), false);
    assert.equal(allowed(rules, { caller: CART, method: 'PUT' }), false);
  });

  it('match paths by their elements', () => {
    const rules = [rule('allow', { pathPrefixes: ['/api', '/files/'] })];
    for (const path of ['/api', '/api/', '/api/x', '/api?q=1', '/files/', '/files/x']) {
      assert.equal(allowed(rules, { path }), true, path);
    }
    for (const path of ['/', '/apix', '/files', '/x/api'])
      assert.equal(allowed(rules, { path }), false, path);
  });

  it('that speak of HTTP deny a TCP port, and do not allow it', () => {
    const tcp = { method: undefined, path: undefined };
    assert.equal(allowed([rule('deny', { methods: ['DELETE'] })], tcp), false);
    assert.equal(allowed([rule('deny', { pathPrefixes: ['/admin'] })], tcp), false);
    assert.equal(allowed([rule('allow', { pathPrefixes: ['/'] })], tcp), false);
    assert.equal(allowed([rule('allow')], tcp), true);
  });
});

describe('rules that name workloads', () => {
  const of = (caller: string | undefined, changes: Partial<AccessRule>) =>
    allowed([rule('allow', changes)], caller === undefined ? {} : { caller });

  it('match namespaces and service accounts of whichever cluster', () => {
    const west = 'spiffe://west.mesh.example/ns/shop/sa/cart';
    for (const caller of [CART, west]) {
      assert.equal(of(caller, { namespaces: ['shop'] }), true);
      assert.equal(of(caller, { serviceAccounts: ['shop/cart'] }), true);
      assert.equal(of(caller, { namespaces: ['bank'] }), false);
      assert.equal(of(caller, { serviceAccounts: ['bank/cart', 'shop/till'] }), false);
      assert.equal(of(caller, { namespaces: ['bank'], serviceAccounts: ['shop/cart'] }), false, 'both must');
    }
  });

  it('match nobody whose SPIFFE ID is not a workload', () => {
    const callers = [
      undefined,
      'spiffe://east.mesh.example/isthmus/gateway',
      'spiffe://east.mesh.example/ns/shop',
      'spiffe://east.mesh.example/x/ns/shop/sa/cart',
      'spiffe://east.mesh.example/ns/shop/sa/cart/x',
    ];
    for (const caller of callers) {
      assert.equal(of(caller, { namespaces: ['shop'] }), false, String(caller));
      assert.equal(of(caller, { serviceAccounts: ['shop/cart'] }), false, String(caller));
    }
  });

  it('match whole paths whatever their query', () => {
    const rules = [rule('allow', { paths: ['/pay'], pathPrefixes: ['/api'] })];
    for (const path of ['/pay', '/pay?x=/y', '/api/x']) assert.equal(allowed(rules, { path }), true, path);
    for (const path of ['/pay/', '/pays', '/']) assert.equal(allowed(rules, { path }), false, path);
    const tcp = { method: undefined, path: undefined };
    assert.equal(allowed([rule('deny', { paths: ['/pay'] })], tcp), false);
    assert.equal(allowed([rule('allow', { paths: ['/pay'] })], tcp), false);
  });
});

describe('rules in audit mode', () => {
  const origin = { policy: 'shop/strict', rule: 1 };

  it('deny nothing, and say what they would deny', () => {
    const access = compileAccess([rule('deny', { mode: 'audit', methods: ['PUT'], origin })]);
    assert.equal(access.everyone, false);
    assert.deepEqual(access.decide(undefined, 'east', 'PUT', '/'), { allowed: true, because: 'no-rules' });
    const would = access.audit?.decide(undefined, 'east', 'PUT', '/');
    assert.ok(would);
    assert.deepEqual(would, { allowed: false, because: 'rule', rule: 0 });
    assert.deepEqual(access.audit?.originOf(would), origin);
    assert.equal(access.audit?.decide(undefined, 'east', 'GET', '/').allowed, true);
  });

  it('that allow would leave nobody else in, and do not yet', () => {
    const access = compileAccess([rule('allow', { mode: 'audit', principals: [CART] })]);
    assert.equal(access.decide(undefined, 'east', 'GET', '/').allowed, true);
    assert.deepEqual(access.audit?.decide(undefined, 'east', 'GET', '/'), {
      allowed: false,
      because: 'no-allow-matched',
    });
    assert.equal(access.audit?.decide(CART, 'east', 'GET', '/').allowed, true);
  });

  it('let nobody in whom the rules in force keep out', () => {
    const access = compileAccess([rule('allow', { principals: [CART] }), rule('allow', { mode: 'audit' })]);
    assert.equal(access.decide(undefined, 'east', 'GET', '/').allowed, false);
  });

  it('are missing where all are obeyed', () => {
    assert.equal(compileAccess([rule('deny')]).audit, undefined);
    assert.equal(compileAccess([]).audit, undefined);
  });
});
