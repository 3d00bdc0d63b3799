import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  clusterLocality,
  gatewayAddresses,
  gatewayServiceSchema,
  type NodeObject,
  nodeSchema,
} from './gateway-addresses.ts';

const MESH = { name: 'mesh', port: 15_443 };

function service(spec: object, status: object = {}) {
  return gatewayServiceSchema.parse({ spec: { ports: [MESH], ...spec }, status });
}

function node(
  name: string,
  addresses: Record<string, string>,
  change: { ready?: boolean; labels?: object } = {},
) {
  const { ready = true, labels = {} } = change;
  return nodeSchema.parse({
    metadata: { name, labels },
    status: {
      addresses: Object.entries(addresses).map(([type, address]) => ({ type, address })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
    },
  });
}

function found(given: Partial<Parameters<typeof gatewayAddresses>[0]>) {
  const result = gatewayAddresses({
    advertise: undefined,
    serviceName: 'isthmus-gateway',
    portName: 'mesh',
    service: undefined,
    nodes: [],
    ...given,
  });
  return result.kind === 'none'
    ? `${result.reason} → ${result.hint}`
    : result.addresses.map(({ host, port }) => `${host}:${port}`);
}

const ADVISED = /or say with gateway\.advertise in the chart where peers reach this cluster$/;

describe('where peers reach the gateways of a cluster', () => {
  it('is what a person says, before all else', () => {
    const advertise = [{ host: 'east.example', port: 443 }];
    assert.deepEqual(found({ advertise, service: service({ externalIPs: ['192.0.2.1'] }) }), [
      'east.example:443',
    ]);
  });

  it('is the load balancer, by address or name, with the port of the Service', () => {
    const ingress = [{ ip: '192.0.2.1' }, { hostname: 'lb.example' }, {}, { ip: '192.0.2.1' }];
    const balanced = service({ type: 'LoadBalancer' }, { loadBalancer: { ingress } });
    assert.deepEqual(found({ service: balanced }), ['192.0.2.1:15443', 'lb.example:15443']);
  });

  it('is each ready node with the node port, by its external address where it has one', () => {
    const nodes = [
      node('b', { InternalIP: '10.0.0.2', ExternalIP: '198.51.100.2' }),
      node('a', { InternalIP: '10.0.0.1', Hostname: 'a' }),
      node('c', { InternalIP: '10.0.0.3' }, { ready: false }),
      node('d', {}),
    ];
    const exposed = service({ type: 'NodePort', ports: [{ ...MESH, nodePort: 31_443 }] });
    assert.deepEqual(found({ service: exposed, nodes }), ['10.0.0.1:31443', '198.51.100.2:31443']);
    assert.match(String(found({ service: exposed, nodes: [] })), /^no node is ready/);
  });

  it('is the nodes while a load balancer has no address, which is told', () => {
    const nodes = [node('a', { InternalIP: '10.0.0.1' })];
    const [advertise, portName] = [undefined, 'mesh'];
    const given = { advertise, portName, serviceName: 'isthmus-gateway', nodes };
    const ports = [{ ...MESH, nodePort: 31_443 }];
    const addresses = [{ host: '10.0.0.1', port: 31_443 }];
    const waits = gatewayAddresses({ ...given, service: service({ type: 'LoadBalancer', ports }) });
    assert.deepEqual(waits, { kind: 'found', addresses, awaitsLoadBalancer: true });
    const chosen = gatewayAddresses({ ...given, service: service({ type: 'NodePort', ports }) });
    assert.deepEqual(chosen, { kind: 'found', addresses });
  });

  it('is no more than a head may name', () => {
    const nodes = Array.from({ length: 100 }, (_, i) => node(`n${i}`, { InternalIP: `10.0.1.${i}` }));
    const exposed = service({ type: 'NodePort', ports: [{ ...MESH, nodePort: 31_443 }] });
    assert.equal(found({ service: exposed, nodes }).length, 32);
  });

  for (const [given, reason] of [
    [{}, /^there is no Service isthmus-gateway/],
    [
      { service: service({ ports: [{ name: 'http', port: 80 }] }) },
      /^Service isthmus-gateway has no port mesh/,
    ],
    [{ service: service({}) }, /^Service isthmus-gateway is of type ClusterIP/],
    [{ service: service({ type: 'LoadBalancer' }) }, /has no address of a load balancer yet/],
  ] as const) {
    it(`is told to be unknown: ${reason.source}`, () => {
      const said = String(found(given));
      assert.match(said, reason);
      assert.match(said, ADVISED);
    });
  }
});

describe('where a cluster is', () => {
  const at = (name: string, region: string, zone?: string): NodeObject => {
    const labels = {
      'topology.kubernetes.io/region': region,
      ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
    };
    return node(name, {}, { labels });
  };

  it('is where most of its nodes are', () => {
    const nodes = [at('a', 'eu', 'eu-b'), at('b', 'eu', 'eu-a'), at('c', 'eu', 'eu-a')];
    assert.deepEqual(clusterLocality('east', nodes), { region: 'eu', zone: 'eu-a' });
    assert.deepEqual(clusterLocality('east', nodes.slice(0, 2)), { region: 'eu', zone: 'eu-a' });
    assert.deepEqual(clusterLocality('east', [at('a', 'eu')]), { region: 'eu', zone: 'eu' });
  });

  it('is a place of its own where its nodes do not say', () => {
    assert.deepEqual(clusterLocality('east', [node('a', {})]), { region: 'east', zone: 'east' });
  });
});
