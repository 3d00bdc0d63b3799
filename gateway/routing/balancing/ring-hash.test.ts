import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointsOf, weighted } from '../../../test/fixtures/balanced-endpoints.ts';
import { type HashTable, hashOfKey } from './hash-table.ts';
import { ringTable } from './ring-hash.ts';

const ENVOY = { minimumRingSize: 1024, maximumRingSize: 65_536 };
const KEYS = Array.from({ length: 200_000 }, (_, index) => hashOfKey(`key ${index}`));

function addressOf(table: HashTable, hash: number): string | undefined {
  return table.hosts[table.hostAt(table.slotOf(hash))]?.address;
}

/** Share of keys of each host, as a multiple of an equal share. */
function loads(table: HashTable): number[] {
  const counts = new Map(table.hosts.map(({ address }) => [address, 0]));
  for (const hash of KEYS) {
    const address = addressOf(table, hash) ?? '';
    counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return [...counts.values()].map((count) => (count * table.hosts.length) / KEYS.length);
}

function deviation(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - 1) ** 2, 0) / values.length);
}

function entriesOf(table: HashTable): number[] {
  const counts = table.hosts.map(() => 0);
  for (let slot = 0; slot < table.slots; slot++) {
    const host = table.hostAt(slot);
    counts[host] = (counts[host] ?? 0) + 1;
  }
  return counts;
}

describe('a hash ring', () => {
  it('has the size that Envoy gives it, but that a host has 2 ^ n entries for its weight', () => {
    assert.equal(ringTable(endpointsOf(4), ENVOY).slots, 1024);
    // 1024 entries are not enough for two each: 2 × 1000.
    assert.equal(ringTable(endpointsOf(1000), ENVOY).slots, 2000);
    assert.equal(ringTable(endpointsOf(3), ENVOY).slots, 3 * 512);
    assert.deepEqual(entriesOf(ringTable(weighted(1, 2, 1), ENVOY)), [256, 512, 256]);
    assert.deepEqual(entriesOf(ringTable(weighted(3, 4), ENVOY)), [512, 682]);
    const bounded = { minimumRingSize: 1024, maximumRingSize: 1024 };
    assert.deepEqual(entriesOf(ringTable(weighted(1, 1000, 1000), bounded)), [1, 511, 511]);
  });

  it('leads each hash to the next entry, and past the last to the first', () => {
    const table = ringTable(endpointsOf(1), { minimumRingSize: 3, maximumRingSize: 3 });
    const entries = [0, 1, 2].map((turn) => hashOfKey(`10.0.0.0:80_${turn}`)).sort((a, b) => a - b);
    for (const [slot, hash] of entries.entries()) {
      assert.equal(table.slotOf(hash), slot);
      assert.equal(table.slotOf(hash - 1), slot);
      assert.equal(table.slotOf(hash + 1), (slot + 1) % 3);
    }
  });

  // Karger et al., "Consistent Hashing and Random Trees", STOC 1997: a host's share is the sum of its entries' arcs,
  // which are exponentially distributed, so that v entries each give a standard deviation of 1 / √v.
  for (const entries of [16, 100, 400]) {
    it(`spreads keys over 100 hosts with a deviation of 1 / √v with v = ${entries} entries each`, () => {
      const size = { minimumRingSize: entries * 100, maximumRingSize: entries * 100 };
      const found = deviation(loads(ringTable(endpointsOf(100), size)));
      assert.ok(found > 0.75 / Math.sqrt(entries) && found < 1.25 / Math.sqrt(entries), `${found}`);
    });
  }

  it('moves the keys of a host that goes and no others: 1 / N of them (Karger et al., STOC 1997, monotonicity)', () => {
    const size = { minimumRingSize: 20_000, maximumRingSize: 65_536 };
    const hosts = endpointsOf(100);
    const before = ringTable(hosts, size);
    const after = ringTable(hosts.slice(1), size);
    let gone = 0;
    for (const hash of KEYS) {
      const had = addressOf(before, hash);
      if (had === hosts[0]?.address) gone++;
      else assert.equal(addressOf(after, hash), had);
    }
    assert.ok(gone > KEYS.length / 150 && gone < KEYS.length / 70, `${gone}`);
  });
});
