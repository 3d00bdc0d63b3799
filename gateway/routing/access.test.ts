import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AccessRule } from '../../federation/model/policy.ts';
import { compileAccess } from './access.ts';

const CART = 'spiffe://east.mesh.example/ns/shop/sa/cart';

function rule(action: AccessRule['action'], changes: Partial<AccessRule> = {}): AccessRule {
  return { action, principals: [], sourceClusters: [], methods: [], pathPrefixes: [], ...changes };
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
