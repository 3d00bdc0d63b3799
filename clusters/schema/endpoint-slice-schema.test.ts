import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { sliceEndpoints, sliceService } from './endpoint-slice-schema.ts';

const HOME = { region: 'eu', zone: 'eu-a' };
const NO_PLACES = { get: () => undefined };
const META = '{ name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }';

function slice(rest: string, metadata = META): string {
  return `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: ${metadata}\n${rest}\n`;
}

function endpoints(...given: string[]): string {
  return slice(`addressType: IPv4\nports: [{ name: http, port: 8080 }]\nendpoints: [${given.join()}]`);
}

function read(text: string): Endpoint[] {
  return sliceEndpoints(goodResource('EndpointSlice', text), HOME, 1, NO_PLACES);
}

const MANY = Array.from({ length: 1001 }, () => '{ addresses: [10.0.0.1] }');

const PLACE =
  'is not a name of at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit';

describe('an EndpointSlice', () => {
  const refused: readonly (readonly [string, string, string])[] = [
    [
      'with a zone that has spaces',
      endpoints('{ addresses: [10.0.0.1], zone: a b }'),
      `6: endpoints.0.zone: ${PLACE}`,
    ],
    [
      'with a zone that has control characters',
      endpoints('{ addresses: [10.0.0.1], zone: "a\\u0001" }'),
      `6: endpoints.0.zone: ${PLACE}`,
    ],
    [
      'with a zone that is too long',
      endpoints(`{ addresses: [10.0.0.1], zone: ${'a'.repeat(64)} }`),
      `6: endpoints.0.zone: ${PLACE}`,
    ],
    [
      'with a label of no region',
      slice(
        'addressType: IPv4',
        '{ name: c, labels: { kubernetes.io/service-name: cart, topology.kubernetes.io/region: a b } }',
      ),
      `3: metadata.labels.topology.kubernetes.io/region: ${PLACE}`,
    ],
    [
      'with an endpoint of no region',
      endpoints('{ addresses: [10.0.0.1], deprecatedTopology: { topology.kubernetes.io/region: a b } }'),
      `6: endpoints.0.deprecatedTopology.topology.kubernetes.io/region: ${PLACE}`,
    ],
    [
      'without the label of its service',
      slice('addressType: IPv4', '{ name: cart-1 }'),
      '3: metadata.labels: has no label kubernetes.io/service-name, which names its service',
    ],
    ['of an unknown address type', slice('addressType: FQDN'), '4: addressType: must be one of IPv4, IPv6'],
    ['without an address type', slice('ports: []'), '1: addressType: is missing (one of IPv4, IPv6)'],
    [
      'with a name for an address',
      endpoints('{ addresses: [a.example] }'),
      '6: endpoints.0.addresses.0: is not an IP address',
    ],
    [
      'with an endpoint without address',
      endpoints('{ addresses: [] }'),
      '6: endpoints.0.addresses: must have at least 1 item',
    ],
    [
      'with a port out of range',
      slice('addressType: IPv4\nports: [{ port: 70000 }]'),
      '5: ports.0.port: is not a port (1 to 65535)',
    ],
    [
      'with a condition in words',
      endpoints('{ addresses: [10.0.0.1], conditions: { ready: maybe } }'),
      '6: endpoints.0.conditions.ready: must be a boolean, not a string',
    ],
    ['with too many endpoints', endpoints(...MANY), '6: endpoints: has more than 1000 endpoints'],
  ];
  for (const [what, text, problem] of refused) {
    it(`is refused ${what}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('belongs to the service that its label names, in its own namespace', () => {
    const object = goodResource('EndpointSlice', slice('addressType: IPv4'));
    assert.deepEqual(sliceService(object), { namespace: 'shop', name: 'cart' });
    assert.deepEqual(sliceEndpoints(object, HOME, 1, NO_PLACES), []);
  });

  const states: readonly (readonly [string, string])[] = [
    ['{}', 'ready'],
    ['{ ready: null }', 'ready'],
    ['{ ready: true, serving: true, terminating: false }', 'ready'],
    ['{ ready: false }', 'unready'],
    ['{ ready: false, serving: true }', 'unready'],
    ['{ ready: false, serving: true, terminating: true }', 'degraded'],
    ['{ ready: false, serving: false, terminating: true }', 'unready'],
    ['{ terminating: true }', 'unready'],
  ];
  for (const [conditions, state] of states) {
    it(`has an endpoint ${state} with conditions ${conditions}`, () => {
      const [endpoint] = read(endpoints(`{ addresses: [10.0.0.1], conditions: ${conditions} }`));
      assert.equal(endpoint?.state, state);
    });
  }

  it('uses the first address of each endpoint, and every port by its name', () => {
    const text = slice(
      'addressType: IPv6\nports: [{ name: http, port: 8080 }, { port: 9090 }]\nendpoints: [{ addresses: ["fd00::1", "fd00::2"] }]',
    );
    assert.deepEqual(read(text), [
      { address: 'fd00::1', ports: { http: 8080, '': 9090 }, locality: HOME, state: 'ready', changedAtMs: 1 },
    ]);
  });

  it('weighs its endpoints by our annotation', () => {
    const of = (weight: string): string =>
      slice(
        'addressType: IPv4\nendpoints: [{ addresses: [10.0.0.1] }]',
        META.replace('labels', `annotations: { isthmus.io/weight: "${weight}" }, labels`),
      );
    assert.equal(read(of('3'))[0]?.weight, 3);
    assert.equal(read(of('1'))[0]?.weight, undefined);
    for (const weight of ['0', '1001', '1.5', 'heavy']) {
      assert.deepEqual(resourceProblems(of(weight)), [
        '3: metadata.annotations.isthmus.io/weight: is not a weight from 1 to 1000',
      ]);
    }
  });

  it('places an endpoint by its own zone and region, else by the slice, else where the cluster is', () => {
    const places = (text: string): string[] =>
      read(text).map(({ locality }) => `${locality.region}/${locality.zone}`);
    assert.deepEqual(
      places(endpoints('{ addresses: [10.0.0.1], zone: eu-b }', '{ addresses: [10.0.0.2] }')),
      ['eu/eu-b', 'eu/eu-a'],
    );
    const labels = '{ kubernetes.io/service-name: cart, topology.kubernetes.io/region: us }';
    const own = '{ topology.kubernetes.io/region: asia }';
    const far = slice(
      `addressType: IPv4\nendpoints: [{ addresses: [10.0.0.1], zone: us-a }, { addresses: [10.0.0.2], zone: asia-a, deprecatedTopology: ${own} }]`,
      `{ name: cart-1, labels: ${labels} }`,
    );
    assert.deepEqual(places(far), ['us/us-a', 'asia/asia-a']);
  });
});
