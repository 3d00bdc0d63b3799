import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { offerOf, peerAt, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { choose } from './choose.ts';
import { compileRouteTable } from './compile.ts';
import { FIRST_TRY } from './destination.ts';
import { PeerAvailability } from './peer-availability.ts';
import { tierReports } from './tier-report.ts';

const NOW_MS = 1_700_000_000_000;

describe('tier reports', () => {
  const payments = serviceOf({
    offers: [offerOf('west', 4), offerOf('south', 3, { changedAtMs: NOW_MS - 500 })],
  });
  const snapshot = snapshotOf(
    [payments, serviceOf({ name: 'idle' })],
    [peerAt('west', NOW_MS), peerAt('south', NOW_MS)],
  );

  it('are of the routes that were asked for, as they are at the time', () => {
    const peers = new PeerAvailability();
    const runtime = { ...routingRuntime(peers), telemetry: () => 'meters' };
    const table = compileRouteTable(snapshot, undefined, runtime, NOW_MS);
    assert.deepEqual(tierReports(NOW_MS, table), []);
    const route = table.byTarget('shop/payments:http');
    assert.ok(route !== undefined);
    choose(NOW_MS, table, route, FIRST_TRY);
    const [before] = tierReports(NOW_MS, table);
    assert.deepEqual(before?.loadRatios, [0, 1, 0]);
    assert.equal(before?.failoverActive, false);
    assert.equal(before?.route.telemetry, 'meters');
    assert.equal(before?.offerAgesMs.get('south'), 500);
    peers.peerLost('west', NOW_MS);
    const [after] = tierReports(NOW_MS, table);
    assert.deepEqual(after?.loadRatios, [0, 0, 1]);
    assert.equal(after?.failoverActive, true);
    assert.deepEqual(
      [...(after?.healthyHosts ?? [])],
      [
        ['south', 3],
        ['west', 0],
      ],
    );
  });
});
