import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AccessRule, EVERY_REQUEST } from '../../../federation/model/policy.ts';
import { backend, routesOfPayments } from '../../../test/fixtures/mesh-routes.ts';
import { routingRuntime } from '../../../test/fixtures/routing-runtime.ts';
import { type TestService, testSnapshot } from '../../../test/fixtures/test-snapshot.ts';
import { compileRouteTable } from '../compile.ts';
import { answerWhy } from '../why-answer.ts';

const path = (value: string) => [{ path: { type: 'PathPrefix', value } }];
const ROUTES = routesOfPayments({
  rules: [
    {
      name: 'canary',
      matches: [{ headers: [{ name: 'x-tier', value: 'gold' }] }],
      filters: [
        { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/secret' } } },
        { type: 'RequestMirror', requestMirror: { backendRef: { name: 'v2', port: 80 }, percent: 5 } },
      ],
      backendRefs: [backend('v1', 3), backend('gone', 1)],
      timeouts: { request: '2s' },
    },
    { matches: path('/old'), filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] },
    { matches: path('/other'), filters: [{ type: 'ExtensionRef' }] },
    {
      matches: path('/cors'),
      filters: [{ type: 'CORS', cors: { allowOrigins: ['https://a.example', 'https://*.b.example'] } }],
      backendRefs: [backend('v2')],
    },
  ],
});

function why(query: string) {
  const service = (name: string, more: Partial<TestService> = {}): TestService => ({
    name,
    protocol: 'http',
    endpoints: [1],
    offeredBy: [],
    ...more,
  });
  const deny: AccessRule = { ...EVERY_REQUEST, action: 'deny', pathPrefixes: ['/secret'] };
  const snapshot = testSnapshot({
    cluster: 'east',
    peers: {},
    bundles: new Map(),
    services: [service('payments', { routes: ROUTES }), service('v1', { access: [deny] }), service('v2')],
  });
  const table = compileRouteTable(snapshot, undefined, routingRuntime(), 0);
  const answer = answerWhy(1000, table, new URLSearchParams(`service=shop/payments&${query}`));
  assert.ok(answer.status === 200, JSON.stringify(answer.body));
  return answer.body;
}

describe('why a request goes where it goes', () => {
  it('names the rule, the shares and what is made of the request, and goes on with the backend', () => {
    const { rules, route, access } = why('request=GET /a&header=X-Tier: gold');
    assert.deepEqual(rules, [
      'By HTTPRoute shop/payments rules[0] (canary).',
      '75 % goes to Service shop/v1:80.',
      '25 % goes to Service shop/gone:80, which is not there: 500.',
      'Its path becomes /secret.',
      'A request may take 2 s, by the rule.',
      'A copy of 5 % goes to Service shop/v2:80.',
    ]);
    assert.equal(route.target, 'shop/v1:main');
    assert.equal(access?.allowed, false);
  });

  it('says what is answered instead', () => {
    assert.deepEqual(why('request=GET /old/x').rules.at(-1), 'The answer is 302, to https://HOST/old/x.');
    assert.match(
      why('request=GET /other').rules.at(-1) ?? '',
      /500: filters\[0\]: type "ExtensionRef" is not supported\.$/,
    );
    assert.equal(
      why('request=GET /cors').rules.at(-1),
      "A browser's preflight is answered with 204; pages of https://a.example, https://*.b.example may read the answers.",
    );
    assert.deepEqual(why('request=GET /a').rules, ['No rule of its routes matches: 404.']);
  });

  it('asks for a request where it depends on one', () => {
    assert.match(why('').rules[0] ?? '', /up to HTTPRoute shop\/payments: name one by --request/);
  });
});
