import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAuthority } from './authority.ts';

describe('authority', () => {
  const named: readonly [string, string, number | undefined][] = [
    ['payments.shop.svc.clusterset.local', 'shop/payments', undefined],
    ['payments.shop', 'shop/payments', undefined],
    ['payments.shop:8080', 'shop/payments', 8080],
    ['payments.shop.svc.clusterset.local.:80', 'shop/payments', 80],
    ['Payments.SHOP.svc.ClusterSet.local', 'shop/payments', undefined],
    ['payments.shop.', 'shop/payments', undefined],
  ];
  for (const [authority, key, port] of named) {
    it(`${authority} names ${key}`, () => assert.deepEqual(parseAuthority(authority), { key, port }));
  }

  const strange = [
    '',
    'payments',
    'payments.shop.svc',
    'payments.shop.svc.cluster.local',
    'a.payments.shop.svc.clusterset.local',
    'payments.shop..',
    '.shop',
    'payments.',
    'payments.shop:',
    'payments.shop:0',
    'payments.shop:80x',
    'payments.shop:080',
    'payments.shop:123456',
    'payments.shop:80:80',
    'user@payments.shop',
    'payments.shop/path',
    'pay ments.shop',
    'päyments.shop',
    '[::1]:80',
    '127.0.0.1:80',
    `${'a'.repeat(64)}.shop`,
    `${'a.'.repeat(200)}shop`,
  ];
  for (const authority of strange) {
    it(`${JSON.stringify(authority.slice(0, 40))} names nothing`, () =>
      assert.equal(parseAuthority(authority), undefined));
  }
});
