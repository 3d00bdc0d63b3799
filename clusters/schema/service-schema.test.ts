import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { otherPorts, portProtocol, servicePorts, serviceTraits, serviceType } from './service-schema.ts';

function service(spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: cart }\nspec: ${spec}\n`;
}

function ports(...given: string[]): string {
  return service(`{ ports: [${given.join()}] }`);
}

const MANY = Array.from({ length: 101 }, (_, index) => `{ name: p${index}, port: ${index + 1} }`);
const PORT = 'is not a port (1 to 65535)';

describe('a Service', () => {
  const refused: readonly (readonly [string, string, string])[] = [
    [
      'without spec',
      'apiVersion: v1\nkind: Service\nmetadata: { name: cart }\n',
      '1: spec: is missing (object)',
    ],
    ...['""', 'a b', '"a\\n"', 'my/own/proto:1', 'Http/x', `${'x'.repeat(252)}/x`].map(
      (given) =>
        [
          `with the protocol ${given.slice(0, 5)} of a port`,
          ports(`{ port: 80, appProtocol: ${given} }`),
          '4: spec.ports.0.appProtocol: is not the name of a protocol of 1 to 253 characters, such as http or example.com/protocol',
        ] as const,
    ),
    ['without ports', service('{}'), '4: spec.ports: is missing (array)'],
    ['with an empty list of ports', ports(), '4: spec.ports: has no ports'],
    ['with too many ports', ports(...MANY), '4: spec.ports: has more than 100 ports'],
    ['with port 0', ports('{ port: 0 }'), `4: spec.ports.0.port: ${PORT}`],
    ['with port 65536', ports('{ port: 65536 }'), `4: spec.ports.0.port: ${PORT}`],
    ['with half a port', ports('{ port: 1.5 }'), `4: spec.ports.0.port: ${PORT}`],
    ['with a port as text', ports('{ port: "80" }'), `4: spec.ports.0.port: ${PORT}`],
    ['with a port without number', ports('{ name: a }'), '4: spec.ports.0.port: is missing (a port)'],
    [
      'with an unknown protocol',
      ports('{ port: 80, protocol: HTTP }'),
      '4: spec.ports.0.protocol: must be one of TCP, UDP, SCTP',
    ],
    [
      'with one of two ports unnamed',
      ports('{ name: a, port: 80 }', '{ port: 81 }'),
      '4: spec.ports.1: has no name, and there are several ports',
    ],
    [
      'with two ports of one name',
      ports('{ name: a, port: 80 }', '{ name: a, port: 81 }'),
      '4: spec.ports.1.name: a: two ports of this name',
    ],
    [
      'with two ports of one number',
      ports('{ name: a, port: 80 }', '{ name: b, port: 80 }'),
      '4: spec.ports.1.port: 80: two TCP ports of this number',
    ],
    [
      'with a port name in capitals',
      ports('{ name: HTTP, port: 80 }'),
      '4: spec.ports.0.name: is not a name of at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
    ],
  ];
  for (const [what, text, problem] of refused) {
    it(`is refused ${what}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('offers its TCP ports to gateways; those of the same number over UDP are no twins, and apart', () => {
    const dns = goodResource(
      'Service',
      ports('{ name: dns, port: 53, protocol: UDP }', '{ name: dns-tcp, port: 53 }'),
    );
    assert.deepEqual(servicePorts(dns), [
      { name: 'dns-tcp', port: 53, protocol: 'tcp', appProtocol: undefined },
    ]);
    assert.deepEqual(otherPorts(dns), [{ name: 'dns', port: 53, transport: 'UDP', appProtocol: undefined }]);
  });

  it('may leave its only port unnamed', () => {
    const [port] = servicePorts(goodResource('Service', ports('{ port: 80, appProtocol: http }')));
    assert.deepEqual(port, { name: '', port: 80, protocol: 'http', appProtocol: 'http' });
  });

  it('says its internal traffic policy where that is not the usual one', () => {
    const of = (policy: string) =>
      serviceTraits(
        goodResource('Service', service(`{ internalTrafficPolicy: ${policy}, ports: [{ port: 80 }] }`)),
      );
    assert.deepEqual([of('Cluster'), of('Local')], [{}, { internalTrafficPolicy: 'Local' }]);
  });

  it('says the families of its addresses where its pods are called by them', () => {
    const of = (clusterIP: string) =>
      serviceTraits(
        goodResource(
          'Service',
          service(`{ clusterIP: ${clusterIP}, ipFamilies: [IPv6], ports: [{ port: 80 }] }`),
        ),
      );
    assert.deepEqual([of('"fd00::1"'), of('None')], [{}, { ipFamilies: ['IPv6'] }]);
  });

  it('is headless by clusterIP None', () => {
    const headless = service('{ clusterIP: None, ports: [{ port: 80 }] }');
    assert.equal(serviceType(goodResource('Service', headless)), 'Headless');
    assert.equal(serviceType(goodResource('Service', ports('{ port: 80 }'))), 'ClusterSetIP');
  });

  const protocols: readonly (readonly [string, string | undefined, string])[] = [
    ['http', undefined, 'http'],
    ['http-admin', undefined, 'http'],
    ['grpc-api', undefined, 'http2'],
    ['http2', undefined, 'http2'],
    ['httpx', undefined, 'tcp'],
    ['', undefined, 'tcp'],
    ['tcp', 'HTTP', 'http'],
    ['web', 'kubernetes.io/h2c', 'http2'],
    ['web', 'kubernetes.io/ws', 'http'],
    // What it says outweighs what it is called.
    ['http', 'tcp', 'tcp'],
    ['http', 'example.com/own', 'tcp'],
    ['constructor', undefined, 'tcp'],
  ];
  for (const [name, appProtocol, protocol] of protocols) {
    it(`speaks ${protocol} on a port called "${name}" with appProtocol ${appProtocol}`, () => {
      assert.equal(portProtocol(name, appProtocol), protocol);
    });
  }
});
