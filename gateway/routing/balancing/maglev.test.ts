import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointsOf, weighted } from '../../../test/fixtures/balanced-endpoints.ts';
import type { HashTable } from './hash-table.ts';
import { filledTable, maglevTable } from './maglev.ts';

const SMALL = 65_537;
const LARGE = 655_373;

function slotsOf(table: HashTable): number[] {
  const counts = table.hosts.map(() => 0);
  for (let slot = 0; slot < table.slots; slot++) {
    const host = table.hostAt(slot);
    counts[host] = (counts[host] ?? 0) + 1;
  }
  return counts;
}

/** Shares of slots that another host has in the second table: of those of hosts that are gone, and of others. */
function moved(before: HashTable, after: HashTable): { gone: number; kept: number } {
  const left = new Set(after.hosts.map(({ address }) => address));
  const counts = { gone: 0, kept: 0 };
  for (let slot = 0; slot < before.slots; slot++) {
    const had = before.hosts[before.hostAt(slot)]?.address ?? '';
    if (!left.has(had)) counts.gone++;
    else if (after.hosts[after.hostAt(slot)]?.address !== had) counts.kept++;
  }
  return { gone: counts.gone / before.slots, kept: counts.kept / before.slots };
}

describe('a Maglev table', () => {
  it('is that of the paper (Eisenbud et al., NSDI 2016, section 3.4, table 1), before and after B1 goes', () => {
    const three = { offsets: [3, 0, 3], skips: [4, 2, 1], turns: [1, 1, 1] };
    assert.deepEqual([...filledTable(7, three)], [1, 0, 1, 0, 2, 2, 0]);
    const two = { offsets: [3, 3], skips: [4, 1], turns: [1, 1] };
    assert.deepEqual([...filledTable(7, two)], [0, 0, 0, 0, 1, 1, 1]);
  });

  it('gives 1000 hosts slots that differ by one (figure 11: Karger needs 29.7 % more hosts, rendezvous 49.5 %)', () => {
    const counts = slotsOf(maglevTable(endpointsOf(1000), SMALL));
    assert.deepEqual([Math.min(...counts), Math.max(...counts)], [65, 66]);
    const overprovisioning = Math.max(...counts) / (SMALL / 1000) - 1;
    assert.ok(overprovisioning < 0.01, `${overprovisioning}`);
  });

  // Figure 12 has the share of entries that change hands by the share of 1000 hosts that fail, for both table sizes.
  for (const [failed, size, most] of [
    [1, SMALL, 0.01],
    [10, SMALL, 0.03],
    [50, SMALL, 0.07],
    [10, LARGE, 0.01],
  ] as const) {
    it(`of ${size} moves less than ${most * 100} % beyond what must move when ${failed} of 1000 fail (figure 12)`, () => {
      const hosts = endpointsOf(1000);
      const { gone, kept } = moved(maglevTable(hosts, size), maglevTable(hosts.slice(failed), size));
      assert.ok(Math.abs(gone - failed / 1000) < 0.001, `${gone}`);
      assert.ok(kept < most, `${kept}`);
    });
  }

  it('gives slots by weight', () => {
    const [heavy = 0, middle = 0, light = 0] = slotsOf(maglevTable(weighted(10, 5, 1), SMALL));
    assert.ok(Math.abs(heavy - (SMALL * 10) / 16) < 3, `${heavy}`);
    assert.ok(Math.abs(middle - (SMALL * 5) / 16) < 3, `${middle}`);
    assert.ok(Math.abs(light - SMALL / 16) < 3, `${light}`);
  });

  it('fills a table of fewer slots than hosts', () => {
    const counts = slotsOf(maglevTable(endpointsOf(300), 101));
    assert.equal(Math.max(...counts), 1);
  });
});
