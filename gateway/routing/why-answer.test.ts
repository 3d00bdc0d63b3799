import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVERY_REQUEST } from '../../federation/model/policy.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { offerOf, peerAt, portOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { compileRouteTable } from './compile.ts';
import { answerWhy } from './why-answer.ts';

const NOW_MS = 1_700_000_000_000;
const CART = 'spiffe://east.mesh.example/ns/shop/sa/cart';

function tableOf() {
  const access = [{ ...EVERY_REQUEST, action: 'allow', principals: [CART], methods: ['GET'] } as const];
  const ports = [portOf('metrics', 9000, 'tcp'), portOf('http', 80, 'http')];
  const payments = serviceOf({ ports, access, offers: [offerOf('west', 4), offerOf('south', 3)] });
  const peers = [peerAt('west', NOW_MS - 1000), peerAt('south', NOW_MS)];
  return compileRouteTable(
    snapshotOf([payments, serviceOf({ name: 'cart' })], peers),
    undefined,
    routingRuntime(),
    0,
  );
}

function ask(query: string) {
  return answerWhy(NOW_MS, tableOf(), new URLSearchParams(query));
}

function explained(query: string) {
  const answer = ask(query);
  assert.ok(answer.status === 200, JSON.stringify(answer.body));
  return answer.body;
}

function problem(query: string): readonly [number, string, string] {
  const answer = ask(query);
  assert.ok(answer.status !== 200);
  return [answer.status, answer.body.error, answer.body.hint];
}

describe('answer to /why', () => {
  it('finds a service by each of its names', () => {
    for (const service of [
      'shop/payments',
      'payments.shop',
      'payments.shop.svc.clusterset.local',
      'shop/payments:80',
    ]) {
      assert.equal(explained(`service=${service}`).route.target, 'shop/payments:http', service);
    }
    assert.equal(explained('service=shop/payments:metrics').route.target, 'shop/payments:metrics');
  });

  it('tells where requests go, with the peers’ ages', () => {
    const { route, access } = explained('service=shop/payments');
    assert.deepEqual(route.shares, [{ cluster: 'west', percent: 100 }]);
    assert.equal(route.clusters.find(({ cluster }) => cluster === 'west')?.lastSeenAgeMs, 1000);
    assert.equal(access, null);
  });

  it('supposes what it is told to, and changes nothing by it', () => {
    const table = tableOf();
    const query = new URLSearchParams('service=shop/payments&down=west&from=us/us-a');
    const supposed = answerWhy(NOW_MS, table, query);
    assert.ok(supposed.status === 200);
    assert.deepEqual(supposed.body.route.shares, [{ cluster: 'south', percent: 100 }]);
    assert.equal(supposed.body.route.tiers[0]?.loadPercent, 100);
    assert.deepEqual(supposed.body.route.supposed.from, { region: 'us', zone: 'us-a' });
    const truth = answerWhy(NOW_MS, table, new URLSearchParams('service=shop/payments'));
    assert.ok(truth.status === 200);
    assert.deepEqual(truth.body.route.shares, [{ cluster: 'west', percent: 100 }]);
  });

  it('says who would be let in', () => {
    const anonymous = explained('service=shop/payments&request=GET /').access;
    assert.equal(anonymous?.allowed, false);
    const cart = explained(`service=shop/payments&request=GET /&caller=${CART}`).access;
    assert.deepEqual(cart, { allowed: true, reason: `allowed by rule 1 for ${CART} in east` });
    const post = explained(`service=shop/payments&request=POST /&caller=${CART}`).access;
    assert.equal(post?.allowed, false);
    assert.match(explained('service=shop/cart&request=GET /').access?.reason ?? '', /no access rules/);
  });

  it('says what is wrong with a question, and what would be right', () => {
    const expected: readonly [string, number, RegExp, RegExp][] = [
      ['', 400, /no service is named/, /service=NAMESPACE\/NAME/],
      ['service=shop/paymnts', 404, /no service shop\/paymnts/, /did you mean shop\/payments\?/],
      ['service=other/payments', 404, /no service other\/payments/, /shop\/payments/],
      ['service=zzzzzz', 404, /no service zzzzzz/, /there are: shop\/cart, shop\/payments/],
      ['service=shop/payments:81', 404, /no port 81/, /metrics \(9000\), http \(80\)/],
      ['service=shop/payments&down=wst', 404, /no cluster wst/, /east, south, west/],
      ['service=shop/payments&from=us', 400, /no locality/, /REGION\/ZONE/],
      ['service=shop/payments&request=get', 400, /no request/, /METHOD \/path/],
    ];
    for (const [query, status, error, hint] of expected) {
      const found = problem(query);
      assert.equal(found[0], status, query);
      assert.match(found[1], error);
      assert.match(found[2], hint);
    }
  });
});
