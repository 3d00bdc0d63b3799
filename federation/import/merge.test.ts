import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ServicePort, ServiceRecord } from '../model/service.ts';
import { mergeExports, type ServiceExport } from './merge.ts';

function port(name: string, number: number, changes: Partial<ServicePort> = {}): ServicePort {
  return { name, port: number, protocol: 'http', appProtocol: undefined, ...changes };
}

function exportOf(
  cluster: string,
  exportedAtMs: number,
  changes: Partial<ServiceRecord> = {},
): ServiceExport {
  return {
    cluster,
    record: {
      service: { namespace: 'shop', name: 'payments' },
      type: 'ClusterSetIP',
      ports: [port('http', 80)],
      exportedAtMs,
      changedAtMs: exportedAtMs,
      localities: [],
      ...changes,
    },
  };
}

describe('exports of one service by several clusters', () => {
  it('make a union of their ports, and each cluster has its own of them', () => {
    const merged = mergeExports([
      exportOf('east', 1, { ports: [port('http', 80)] }),
      exportOf('west', 2, { ports: [port('http', 80), port('metrics', 9090)] }),
    ]);
    assert.deepEqual(
      merged.ports.map(({ name }) => name),
      ['http', 'metrics'],
    );
    assert.deepEqual(
      [...merged.portsOf],
      [
        ['east', ['http']],
        ['west', ['http', 'metrics']],
      ],
    );
    assert.deepEqual(merged.conflicts, []);
  });

  it('disagree over a port: the oldest holds, and the other can still be reached by its name', () => {
    const merged = mergeExports([
      exportOf('west', 2, { ports: [port('http', 8080)] }),
      exportOf('east', 1, { ports: [port('http', 80)] }),
    ]);
    assert.deepEqual(merged.ports, [port('http', 80)]);
    assert.deepEqual(merged.portsOf.get('west'), ['http']);
    assert.deepEqual(merged.conflicts, [
      {
        service: 'shop/payments',
        cluster: 'west',
        winner: 'east',
        reason: 'PortConflict',
        message: 'port is http 8080 (http), in the older export of east http 80 (http)',
      },
    ]);
  });

  it('disagree over a protocol: the younger has no such port here', () => {
    const merged = mergeExports([
      exportOf('east', 1),
      exportOf('west', 2, { ports: [port('http', 80, { protocol: 'tcp' })] }),
    ]);
    assert.deepEqual(merged.portsOf.get('west'), []);
    assert.equal(merged.conflicts.length, 1);
  });

  it('disagree over who has a number: the younger port is left out', () => {
    const merged = mergeExports([
      exportOf('east', 1, { ports: [port('http', 80)] }),
      exportOf('west', 2, { ports: [port('web', 80)] }),
    ]);
    assert.deepEqual(merged.ports, [port('http', 80)]);
    assert.deepEqual(merged.portsOf.get('west'), []);
    assert.match(merged.conflicts[0]?.message ?? '', /port 80 is web 80 .* east http 80/);
  });

  it('disagree over the type: the oldest holds', () => {
    const merged = mergeExports([exportOf('west', 2, { type: 'Headless' }), exportOf('east', 1)]);
    assert.equal(merged.type, 'ClusterSetIP');
    assert.deepEqual(
      merged.conflicts.map(({ reason, cluster }) => [reason, cluster]),
      [['TypeConflict', 'west']],
    );
  });

  it('are equally old: the cluster whose name comes first holds', () => {
    const merged = mergeExports([
      exportOf('west', 1, { ports: [port('http', 81)] }),
      exportOf('east', 1, { ports: [port('http', 80)] }),
    ]);
    assert.deepEqual(merged.ports, [port('http', 80)]);
  });

  it('are bounded, however many clusters add ports', () => {
    const many = Array.from({ length: 3 }, (_, cluster) =>
      exportOf(`c${cluster}`, cluster, {
        ports: Array.from({ length: 60 }, (_, index) =>
          port(`p${cluster}-${index}`, 1000 * (cluster + 1) + index),
        ),
      }),
    );
    const merged = mergeExports(many);
    assert.equal(merged.ports.length, 100);
    assert.match(merged.conflicts.at(-1)?.message ?? '', /one too many/);
  });

  it('come to the same result in every member, whatever the order', () => {
    const anyExport = fc
      .record({
        cluster: fc.constantFrom('east', 'west', 'north'),
        exportedAtMs: fc.nat(3),
        type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
        ports: fc.uniqueArray(
          fc.record({
            name: fc.constantFrom('a', 'b', 'c'),
            port: fc.constantFrom(80, 81, 82),
            protocol: fc.constantFrom('http' as const, 'tcp' as const),
          }),
          { selector: ({ name }) => name, maxLength: 3 },
        ),
      })
      .map(({ cluster, exportedAtMs, type, ports }) =>
        exportOf(cluster, exportedAtMs, {
          type,
          ports: ports.map((found) => port(found.name, found.port, found)),
        }),
      );
    const anyExports = fc.uniqueArray(anyExport, { selector: ({ cluster }) => cluster, minLength: 1 });
    fc.assert(
      fc.property(
        anyExports.chain((exports) =>
          fc.tuple(fc.constant(exports), fc.shuffledSubarray(exports, { minLength: exports.length })),
        ),
        ([exports, shuffled]) => {
          const merged = mergeExports(exports);
          assert.deepEqual(mergeExports(shuffled), merged);
          const numbers = merged.ports.map((found) => found.port);
          assert.equal(new Set(numbers).size, numbers.length);
          for (const names of merged.portsOf.values()) {
            for (const name of names) assert.ok(merged.ports.some((found) => found.name === name));
          }
        },
      ),
    );
  });
});
