import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { IpFamily, OtherPort, ServicePort, ServiceRecord } from '../model/service.ts';
import type { ServiceExport } from './export-conflict.ts';
import { mergeExports } from './merge.ts';

function port(name: string, number: number, changes: Partial<ServicePort> = {}): ServicePort {
  return { name, port: number, protocol: 'http', appProtocol: undefined, ...changes };
}

function other(name: string, number: number, transport: OtherPort['transport'] = 'UDP'): OtherPort {
  return { name, port: number, transport, appProtocol: undefined };
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
    assert.deepEqual(
      merged.conflicts.map(({ cluster, winner, reason, message }) => [cluster, winner, reason, message]),
      [
        [
          'west',
          'east',
          'PortConflict',
          'ports are http 80 (http), metrics 9090 (http), in the older export of east http 80 (http); the import has those ' +
            'of both',
        ],
      ],
      'MCS v0.5.2: ports that are not identical are told of, although all of them are imported',
    );
  });

  it('make one union of the ports that gateways carry and of those that they do not', () => {
    const udp = [other('dns', 53)];
    const merged = mergeExports([
      exportOf('east', 1, { ports: [port('dns-tcp', 53)], otherPorts: udp }),
      exportOf('west', 2, {
        ports: [port('dns-tcp', 53), port('dns', 54)],
        otherPorts: [other('sctp', 142, 'SCTP'), other('again', 53)],
      }),
    ]);
    assert.deepEqual(merged.ports, [port('dns-tcp', 53)], 'a number may be there once for each transport');
    assert.deepEqual(merged.otherPorts, [...udp, other('sctp', 142, 'SCTP')]);
    assert.deepEqual(merged.portsOf.get('west'), ['dns-tcp'], 'the older export has its name for UDP');
    assert.deepEqual(
      merged.conflicts.map(({ message }) => message),
      [
        'port is dns 54 (http), in the older export of east dns 53 (UDP)',
        'port 53 is again 53 (UDP), in the older export of east dns 53 (UDP)',
      ],
    );
    const without = mergeExports([exportOf('east', 1, { otherPorts: udp }), exportOf('west', 2)]);
    assert.deepEqual(
      without.conflicts.map(({ reason, message }) => [reason, message]),
      [
        [
          'PortConflict',
          'ports are http 80 (http), in the older export of east dns 53 (UDP), http 80 (http); the import has those of both',
        ],
      ],
    );
  });

  it('disagree over the internal traffic policy, but for headless ones', () => {
    const local = { internalTrafficPolicy: 'Local' as const };
    const merged = mergeExports([exportOf('east', 1, local), exportOf('west', 2)]);
    assert.deepEqual(merged.traits, local);
    assert.deepEqual(
      merged.conflicts.map(({ reason, message }) => [reason, message]),
      [
        [
          'InternalTrafficPolicyConflict',
          'internalTrafficPolicy is Cluster, in the older export of east Local',
        ],
      ],
    );
    const headless = { type: 'Headless' as const };
    const direct = mergeExports([
      exportOf('east', 1, { ...local, ...headless }),
      exportOf('west', 2, headless),
    ]);
    assert.deepEqual([direct.traits, direct.conflicts], [{}, []]);
  });

  it('disagree over the families of addresses by which the pods of a headless service are called', () => {
    const of = (...ipFamilies: IpFamily[]) => ({ type: 'Headless' as const, ipFamilies });
    const told = (...exports: readonly ServiceExport[]) =>
      mergeExports(exports).conflicts.map(({ reason, message }) => [reason, message]);
    assert.deepEqual(told(exportOf('east', 1, of('IPv4')), exportOf('west', 2, of('IPv6', 'IPv4'))), [
      ['IPFamilyConflict', 'ipFamilies is IPv4,IPv6, in the older export of east IPv4'],
    ]);
    const same = [exportOf('east', 1, of('IPv4', 'IPv6')), exportOf('west', 2, of('IPv6', 'IPv4'))];
    assert.deepEqual(told(...same), [], 'whatever the order');
    const silent = exportOf('west', 2, { type: 'Headless' });
    assert.deepEqual(told(exportOf('east', 1, of('IPv4')), silent), [], 'an older release does not say them');
  });

  it('agree', () => {
    const traits = { sessionAffinity: { timeoutSeconds: 60 }, labels: { a: 'b' } };
    const merged = mergeExports([exportOf('east', 1, traits), exportOf('west', 2, traits)]);
    assert.deepEqual(merged.conflicts, []);
    assert.deepEqual(merged.traits, traits);
  });

  it('disagree over what a service can have only one of: the oldest holds, and each reason is told', () => {
    const older = { sessionAffinity: { timeoutSeconds: 60 }, labels: { a: 'b' }, annotations: { n: 'one' } };
    const younger = { trafficDistribution: 'PreferClose', labels: { a: 'c' }, annotations: { n: 'two' } };
    const merged = mergeExports([exportOf('west', 2, younger), exportOf('east', 1, older)]);
    assert.deepEqual(merged.traits, older);
    assert.deepEqual(
      merged.conflicts.map(({ cluster, winner, reason, message }) => [cluster, winner, reason, message]),
      [
        [
          'west',
          'east',
          'SessionAffinityConflict',
          'sessionAffinity is None, in the older export of east ClientIP',
        ],
        [
          'west',
          'east',
          'TrafficDistributionConflict',
          'trafficDistribution is PreferClose, in the older export of east none',
        ],
        ['west', 'east', 'LabelsConflict', 'exportedLabels is {a=c}, in the older export of east {a=b}'],
        [
          'west',
          'east',
          'AnnotationsConflict',
          'exportedAnnotations is {n=two}, in the older export of east {n=one}',
        ],
      ],
    );
  });

  it('disagree over the time of an affinity only where both have one', () => {
    const of = (timeoutSeconds: number) => ({ sessionAffinity: { timeoutSeconds } });
    const merged = mergeExports([exportOf('east', 1, of(60)), exportOf('west', 2, of(90))]);
    assert.deepEqual(
      merged.conflicts.map(({ reason }) => reason),
      ['SessionAffinityConfigConflict'],
    );
    const headless = { ...of(90), type: 'Headless' as const };
    const alone = mergeExports([exportOf('east', 1, headless), exportOf('west', 2, headless)]);
    assert.deepEqual([alone.traits, alone.conflicts], [{}, []], 'a headless service has no affinity');
  });

  it('tell of a difference in bounded words', () => {
    const annotations = { note: 'x'.repeat(8000) };
    const [conflict] = mergeExports([exportOf('east', 1), exportOf('west', 2, { annotations })]).conflicts;
    assert.ok((conflict?.message.length ?? 0) < 500);
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

  it('disagree over whether the port has a name: a Service with one that has none can have no other', () => {
    const [unnamed, named] = [port('', 80), port('http', 8080)];
    const merged = mergeExports([
      exportOf('west', 1, { ports: [unnamed] }),
      exportOf('east', 2, { ports: [named], otherPorts: [other('dns', 53)] }),
    ]);
    assert.deepEqual([merged.ports, merged.otherPorts], [[unnamed], []]);
    assert.deepEqual(
      [...merged.portsOf],
      [
        ['west', ['']],
        ['east', []],
      ],
    );
    assert.deepEqual(
      merged.conflicts.map(({ cluster, winner, reason, message }) => [cluster, winner, reason, message]),
      ['http 8080 (http)', 'dns 53 (UDP)'].map((what) => [
        'east',
        'west',
        'PortConflict',
        `port is ${what}, in the older export of west unnamed 80 (http); of several ports each needs a name`,
      ]),
    );
    const opposite = mergeExports([
      exportOf('west', 2, { ports: [unnamed] }),
      exportOf('east', 1, { ports: [named, port('admin', 9000)] }),
    ]);
    assert.deepEqual(opposite.ports, [named, port('admin', 9000)]);
    assert.deepEqual(opposite.portsOf.get('west'), []);
    assert.match(opposite.conflicts[0]?.message ?? '', /unnamed 80 .* east http 8080 .* needs a name/);
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
            name: fc.constantFrom('', 'a', 'b', 'c'),
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
          if (merged.ports.some((found) => found.name === '')) assert.equal(merged.ports.length, 1);
          for (const names of merged.portsOf.values()) {
            for (const name of names) assert.ok(merged.ports.some((found) => found.name === name));
          }
        },
      ),
    );
  });
});
