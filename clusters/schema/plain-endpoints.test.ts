import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointSliceSchema, plainSlice } from './endpoint-slice-schema.ts';

const ENDPOINT = {
  addresses: ['10.0.0.1'],
  conditions: { ready: true, serving: true, terminating: false },
  nodeName: 'node-1',
  zone: 'eu-a',
  targetRef: { kind: 'Pod', name: 'cart-1' },
};

function sliceWith(endpoints: unknown, more: object = {}): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'cart-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'cart' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
    ...more,
  };
}

describe('endpoints that are read without the schema', () => {
  const plain: Readonly<Record<string, unknown>> = {
    'as Kubernetes writes them': ENDPOINT,
    'without anything but an address': { addresses: ['fd00::1', '10.0.0.1'] },
    'of which nothing is known': {
      addresses: ['10.0.0.1'],
      conditions: { ready: null, terminating: true },
      zone: null,
      nodeName: null,
      hostname: null,
    },
    'of another kind than a pod': { ...ENDPOINT, targetRef: { kind: 'Machine', name: 'cart-1', uid: 'u' } },
    'as Kubernetes names pods': {
      ...ENDPOINT,
      targetRef: { kind: 'Pod', namespace: 'shop', name: 'cart-1', uid: 'u' },
    },
    'of a pod of another namespace': {
      ...ENDPOINT,
      targetRef: { kind: 'Pod', namespace: 'web', name: 'cart-1' },
    },
    'of another kind with a namespace': {
      ...ENDPOINT,
      targetRef: { kind: 'Machine', namespace: 'shop', name: 'cart-1' },
    },
    'with a name and of no zone': { zone: '', hostname: 'cart-0', addresses: ['10.0.0.1'], conditions: {} },
  };
  for (const [name, endpoint] of Object.entries(plain)) {
    it(`are what the schema reads: ${name}`, () => {
      const value = sliceWith([ENDPOINT, endpoint]);
      // The same text too, for a digest is made of it.
      assert.equal(JSON.stringify(plainSlice(value)), JSON.stringify(endpointSliceSchema.parse(value)));
      assert.deepEqual(plainSlice(value), endpointSliceSchema.parse(value));
    });
  }

  const others: Readonly<Record<string, unknown>> = {
    'with a name for an address': { ...ENDPOINT, addresses: ['a.example'] },
    'without an address': { ...ENDPOINT, addresses: [] },
    'with too many addresses': { ...ENDPOINT, addresses: Array.from({ length: 101 }, () => '10.0.0.1') },
    'with a list for conditions': { ...ENDPOINT, conditions: [] },
    'without conditions on purpose': { ...ENDPOINT, conditions: null },
    'with a word for a condition': { ...ENDPOINT, conditions: { ready: 'yes' } },
    'in a zone of no name': { ...ENDPOINT, zone: 'a b' },
    'on a node of a long name': { ...ENDPOINT, nodeName: 'n'.repeat(254) },
    'with a hostname of no label': { ...ENDPOINT, hostname: 'A.b' },
    'of a pod without a name': { ...ENDPOINT, targetRef: { kind: 'Pod' } },
    'of a pod in a namespace of no name': { ...ENDPOINT, targetRef: { ...ENDPOINT.targetRef, namespace: 7 } },
    'with labels of their own': { ...ENDPOINT, deprecatedTopology: {} },
    'that are none': 'x',
  };
  for (const [name, endpoint] of Object.entries(others)) {
    it(`are left to the schema: ${name}`, () =>
      assert.equal(plainSlice(sliceWith([ENDPOINT, endpoint])), undefined));
  }

  it('are left to the schema where the slice is not as it should be, or has too many', () => {
    assert.equal(plainSlice(sliceWith([ENDPOINT], { addressType: 'FQDN' })), undefined);
    assert.equal(plainSlice(sliceWith(null)), undefined);
    assert.equal(plainSlice(sliceWith(Array.from({ length: 1001 }, () => ENDPOINT))), undefined);
  });
});
