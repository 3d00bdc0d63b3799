import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Maglev, RingHash } from '../../../federation/model/traffic-policy.ts';
import {
  countPicks,
  destinationsOf,
  endpointsOf,
  localEndpoint,
  seeded,
  weighted,
} from '../../../test/fixtures/balanced-endpoints.ts';
import type { LocalEndpoint } from '../local-endpoint.ts';
import { hashOfKey } from './hash-table.ts';
import { HashedBalancing } from './hashed.ts';

const hashOn = { kind: 'source-address' } as const;
const RING: RingHash = { kind: 'ring-hash', hashOn, minimumRingSize: 1024, maximumRingSize: 65_536 };
const MAGLEV: Maglev = { kind: 'maglev', hashOn, tableSize: 1021 };
const KEYS = Array.from({ length: 5000 }, (_, index) => hashOfKey(`key ${index}`));

function balancing(policy: RingHash | Maglev, endpoints: readonly LocalEndpoint[]): HashedBalancing {
  return new HashedBalancing(policy, endpoints, undefined, seeded(3));
}

for (const policy of [RING, MAGLEV]) {
  describe(`balancing by ${policy.kind}`, () => {
    const picksOf = (all: readonly LocalEndpoint[], fit: readonly LocalEndpoint[]): string[] => {
      const balancer = balancing(policy, all).over(destinationsOf(fit), undefined);
      return KEYS.map((hash) => balancer.pick(0, hash).endpoint.address);
    };

    it('comes to the same choice in whatever order the endpoints stand', () => {
      const endpoints = endpointsOf(20);
      assert.deepEqual(
        picksOf(endpoints, endpoints),
        picksOf(endpoints.toReversed(), endpoints.toReversed()),
      );
    });

    it('takes only fit ones, and moves no key whose endpoint stays fit', () => {
      const subsets = fc.uniqueArray(fc.nat(99), { minLength: 2, maxLength: 100 });
      fc.assert(
        fc.property(subsets, fc.nat(), (chosen, out) => {
          const endpoints = endpointsOf(100);
          const fit = chosen.map((index) => endpoints[index] as LocalEndpoint);
          const lost = fit[out % fit.length];
          const before = picksOf(endpoints, fit);
          const after = picksOf(
            endpoints,
            fit.filter((endpoint) => endpoint !== lost),
          );
          const addresses = new Set(fit.map(({ address }) => address));
          for (const [index, address] of before.entries()) {
            assert.ok(addresses.has(address));
            if (address === lost?.address) assert.notEqual(after[index], address);
            else assert.equal(after[index], address);
          }
        }),
        { numRuns: 25 },
      );
    });

    it('spreads the keys of an unfit endpoint over many', () => {
      const endpoints = endpointsOf(10);
      const before = picksOf(endpoints, endpoints);
      const after = picksOf(endpoints, endpoints.slice(1));
      const heirs = Map.groupBy(
        after.filter((_, index) => before[index] === endpoints[0]?.address),
        (address) => address,
      );
      assert.equal(heirs.size, 9);
    });

    it('shares keys by weight among the few that are left of many', () => {
      const endpoints = [...weighted(3, 1), ...endpointsOf(1002).slice(2)];
      const picks = picksOf(endpoints, endpoints.slice(0, 2));
      const heavy = picks.filter((address) => address === endpoints[0]?.address).length;
      assert.ok(Math.abs(heavy - KEYS.length * 0.75) < KEYS.length * 0.08, `${heavy}`);
    });

    it('takes any where a request has no hash', () => {
      const endpoints = endpointsOf(4);
      const destinations = destinationsOf(endpoints);
      const balancer = balancing(policy, endpoints).over(destinations, undefined);
      const counts = countPicks(balancer, destinations, 4000);
      assert.ok(
        counts.every((count) => count > 700),
        counts.join(),
      );
    });

    it('has a table for each locality, and none for all: a hash has its locality first', () => {
      const endpoints = endpointsOf(6).map(({ address }, index) =>
        localEndpoint(address, { localityKey: `eu/${index % 2}` }),
      );
      const made = balancing(policy, endpoints);
      const hostsOf = (locality: string) => made.tableOf(locality)?.hosts.map(({ address }) => address);
      assert.deepEqual(hostsOf('eu/1'), ['10.0.0.1:80', '10.0.0.3:80', '10.0.0.5:80']);
      const everywhere = made.over(destinationsOf(endpoints), undefined);
      const near = made.over(destinationsOf(endpoints.filter((_, index) => index % 2 === 1)), 'eu/1');
      let picks = 0;
      for (const hash of KEYS) {
        const { address, localityKey } = everywhere.pick(0, hash).endpoint;
        if (localityKey !== 'eu/1') continue;
        picks++;
        assert.equal(near.pick(0, hash).endpoint.address, address);
      }
      assert.ok(Math.abs(picks - KEYS.length / 2) < KEYS.length * 0.05, `${picks}`);
      assert.throws(() => made.over(destinationsOf(endpoints), 'us/0'), RangeError);
    });

    it('keeps tables whose endpoints and policy are the same', () => {
      const endpoints = endpointsOf(6);
      const first = balancing(policy, endpoints);
      const again = new HashedBalancing({ ...policy }, endpointsOf(6).toReversed(), first, seeded(3));
      assert.equal(again.tableOf('eu/eu-a'), first.tableOf('eu/eu-a'));
      const fewer = new HashedBalancing(policy, endpoints.slice(1), first, seeded(3));
      assert.notEqual(fewer.tableOf('eu/eu-a'), first.tableOf('eu/eu-a'));
      const heavier = new HashedBalancing(policy, weighted(1, 1, 1, 1, 1, 2), first, seeded(3));
      assert.notEqual(heavier.tableOf('eu/eu-a'), first.tableOf('eu/eu-a'));
      const other = new HashedBalancing(policy === RING ? MAGLEV : RING, endpoints, first, seeded(3));
      assert.notEqual(other.tableOf('eu/eu-a'), first.tableOf('eu/eu-a'));
    });
  });
}
