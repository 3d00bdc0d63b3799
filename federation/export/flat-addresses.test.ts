import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EU_A, endpointAt } from '../../test/fixtures/routing-snapshot.ts';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { MAX_RECORD_BYTES } from '../store/limits.ts';
import { encodeRecord, parseRecord } from '../store/record.ts';
import { flatAddresses } from './flat-addresses.ts';

function pod(address: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { ...endpointAt(address, { locality: EU_A, ports: { http: 8080 } }), ...changes };
}

function addresses(endpoints: readonly Endpoint[], network: string | undefined = 'lan') {
  return flatAddresses({ type: 'Headless', endpoints }, network);
}

describe("a headless service's addresses", () => {
  it('are exported where the cluster says which network it is in, with the names of pods', () => {
    const endpoints = [
      pod('10.0.0.2', { hostname: 'web-1', state: 'degraded' }),
      pod('10.0.0.1', { hostname: 'web-0' }),
      pod('10.0.0.3', { ports: { http: 9090 } }),
    ];
    assert.deepEqual(addresses(endpoints), {
      network: 'lan',
      groups: [
        {
          ports: { http: 8080 },
          hosts: [
            { address: '10.0.0.1', hostname: 'web-0', ready: true },
            { address: '10.0.0.2', hostname: 'web-1', ready: false },
          ],
        },
        { ports: { http: 9090 }, hosts: [{ address: '10.0.0.3', ready: true }] },
      ],
    });
    assert.deepEqual(addresses(endpoints.toReversed()), addresses(endpoints), 'whatever the order');
    assert.equal(flatAddresses({ type: 'Headless', endpoints }, undefined), undefined);
    assert.equal(flatAddresses({ type: 'ClusterSetIP', endpoints }, 'lan'), undefined);
  });

  it('are both that a pod of a dual-stack service has', () => {
    const both = pod('10.0.0.1', { otherAddress: 'fd00::1', hostname: 'web-0' });
    assert.deepEqual(addresses([both])?.groups[0]?.hosts, [
      { address: '10.0.0.1', hostname: 'web-0', ready: true },
      { address: 'fd00::1', hostname: 'web-0', ready: true },
    ]);
  });

  it('fit into a record however many there are, those that are ready first', () => {
    const many = Array.from({ length: 1000 }, (_, at) =>
      pod(`fd00:1234:5678:9abc:def0:1234:5678:${at.toString(16)}`, {
        hostname: `${'x'.repeat(58)}-${at}`,
        state: at < 900 ? 'unready' : 'ready',
      }),
    );
    const found = addresses(many);
    const hosts = found?.groups[0]?.hosts ?? [];
    assert.ok(hosts.length > 100);
    assert.equal(hosts.filter(({ ready }) => ready).length, 100);
    const record = { ...testRecord('cart'), type: 'Headless' as const, addresses: found };
    const text = encodeRecord(record);
    assert.ok(text.length < MAX_RECORD_BYTES);
    assert.deepEqual(parseRecord('shop/cart', text), record);
  });
});
