import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { plainRecord } from './plain-record.ts';
import { encodeRecord, recordSchema } from './record.ts';

const RECORD = JSON.parse(encodeRecord(testRecord('cart'))) as Record<string, unknown>;
const [PORT] = testRecord('cart').ports;
const [HOSTS] = testRecord('cart').localities;

/** What may stand anywhere in a record: what is right in one place is wrong in another. */
const anything = fc.oneof(
  fc.constantFrom<unknown>('', 'eu', 'eu-a', 'No Label', 'http', 'tcp', 'Headless', 'a'.repeat(64), 'x/y'),
  fc.constantFrom<unknown>(0, 1, 3, -1, -0, 0.5, 65_536, 1_000_001, 2 ** 53, Number.NaN),
  fc.constantFrom<unknown>(null, true, [], {}, [null], [1], [{}], { toString: 1 }),
);

/** Where a change is made; the record's own places, and some that it does not have. */
const places = [
  ...['service', 'type', 'ports', 'exportedAtMs', 'changedAtMs', 'localities'],
  ...['service.namespace', 'service.name', 'service.more', 'more', 'otherPorts', 'sessionAffinity'],
  ...['internalTrafficPolicy', 'ipFamilies', 'trafficDistribution', 'labels', 'annotations', 'addresses'],
  ...['ports.0', 'ports.1', 'ports.0.name', 'ports.0.port', 'ports.0.protocol', 'ports.0.appProtocol'],
  ...['localities.0', 'localities.1', 'localities.0.locality', 'localities.0.locality.region'],
  ...['localities.0.locality.zone', 'localities.0.hosts', 'localities.0.healthy', 'localities.0.degraded'],
  ...['localities.0.excluded', 'localities.0.weight', 'localities.0.more'],
];

function put(record: unknown, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (typeof record !== 'object' || record === null) return;
  if (rest.length > 0) put(Reflect.get(record, first), rest, value);
  else Reflect.set(record, first, value);
}

describe('records that are read without the schema', () => {
  it('are what the schema reads', () => {
    const records = [
      RECORD,
      { ...RECORD, type: 'Headless', ports: [], localities: [], more: 1 },
      {
        ...RECORD,
        ports: [
          { ...PORT, appProtocol: 'kubernetes.io/h2c' },
          { name: '', port: 81, protocol: 'tcp' },
        ],
      },
      { ...RECORD, localities: [HOSTS, { ...HOSTS, locality: { region: '', zone: '' } }] },
    ];
    for (const record of records) {
      const read = plainRecord(record);
      assert.ok(read !== undefined);
      assert.deepEqual(read, recordSchema.parse(record));
      assert.equal(JSON.stringify(read), JSON.stringify(recordSchema.parse(record)));
    }
  });

  it('are never more than the schema takes, nor otherwise, whatever stands where', () => {
    const changes = fc.array(fc.tuple(fc.constantFrom(...places), anything), { maxLength: 4 });
    fc.assert(
      fc.property(changes, (all) => {
        const record = structuredClone(RECORD);
        for (const [place, value] of all) put(record, place.split('.'), value);
        const read = plainRecord(record);
        if (read === undefined) return;
        assert.deepEqual(read, recordSchema.parse(record));
      }),
      { numRuns: 5000 },
    );
  });

  it('are left to the schema where they are out of the ordinary', () => {
    const hosts = { ...HOSTS, hosts: 3, healthy: 3, degraded: 1 };
    const many = (item: unknown): unknown[] => Array.from({ length: 101 }, () => item);
    const changes = [
      { labels: { team: 'shop' } },
      { addresses: null },
      { type: 'Other' },
      { ports: [PORT, PORT] },
      { ports: [PORT, { ...PORT, name: 'other' }] },
      { ports: many(PORT) },
      { localities: [HOSTS, HOSTS] },
      { localities: [hosts] },
      { localities: many(HOSTS) },
      { changedAtMs: 1.5 },
    ];
    for (const change of changes) assert.equal(plainRecord({ ...RECORD, ...change }), undefined);
    for (const value of [undefined, null, 'text', [RECORD]]) assert.equal(plainRecord(value), undefined);
  });
});
