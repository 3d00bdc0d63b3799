import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
import { serviceReports } from './service-report.ts';

const place = { locality: { region: 'eu', zone: 'a' }, degraded: 0, excluded: 0, weight: 1 };
const cart = {
  type: 'ClusterSetIP',
  ports: [{ name: 'http', port: 80, protocol: 'http' }],
  offers: [
    {
      cluster: 'east',
      localities: [
        { ...place, hosts: 2, healthy: 2 },
        { ...place, hosts: 1, healthy: 0 },
      ],
      health: { kind: 'steady' },
    },
    { cluster: 'west', localities: [], health: { kind: 'failing', sinceMs: 1 } },
  ],
} as unknown as SnapshotService;

describe('services', () => {
  it('are told by name, with what each cluster has of them', () => {
    const snapshot = {
      services: new Map([
        ['shop/pay', cart],
        ['shop/cart', cart],
      ]),
    } as unknown as RoutingSnapshot;
    const reports = serviceReports({
      snapshot,
      isSaid: () => true,
      isPublished: (key) => key === 'shop/cart',
      disputesOf: (key) => (key === 'shop/pay' ? [{ cluster: 'west', message: 'another port' }] : []),
    });
    assert.deepEqual(
      reports.map(({ service, exported, conflicts }) => [service, exported, conflicts]),
      [
        ['shop/cart', 'published', []],
        ['shop/pay', 'pending', ['west: another port']],
      ],
    );
    assert.deepEqual(reports[0]?.clusters, [
      { cluster: 'east', hosts: 3, healthy: 2, health: 'steady' },
      { cluster: 'west', hosts: 0, healthy: 0, health: 'failing' },
    ]);
  });

  it('are none before there is a snapshot', () => {
    const none = { isSaid: () => false, isPublished: () => false, disputesOf: () => [] };
    assert.deepEqual(serviceReports({ ...none, snapshot: undefined }), []);
  });
});
