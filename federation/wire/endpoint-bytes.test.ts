import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { EU_A, EU_B, endpointAt, serviceOf } from '../../test/fixtures/routing-snapshot.ts';
import { anyService } from '../../test/fixtures/snapshot-arbitrary.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { serviceKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { saysEndpoint } from './endpoint-comparison.ts';
import { WireError } from './field-checks.ts';
import { ServiceSchema } from './gen/federation_pb.ts';
import { partsOf } from './message-parts.ts';
import { serviceFromBytes, serviceToWire } from './service-fields.ts';

const RUNS = { numRuns: 500 };

function encoded(service: SnapshotService): Uint8Array {
  return toBinary(ServiceSchema, create(ServiceSchema, serviceToWire(service)));
}

/** The first endpoint's message. */
function messageOf(endpoint: Endpoint): Uint8Array {
  const bytes = encoded(serviceOf({ endpoints: [endpoint] }));
  return partsOf(bytes, ServiceSchema.field.endpoints.number).items[0] ?? assert.fail();
}

function read(bytes: Uint8Array, before?: SnapshotService): SnapshotService {
  const map = before === undefined ? undefined : new Map([[serviceKey(before.service), before]]);
  return serviceFromBytes(bytes, map)[1];
}

/** Whether it is for backends alone stands beside it. */
const anyMessage = anyService.map(({ backendOnly: _, ...service }): SnapshotService => service);
const anyEndpoint = anyService
  .filter(({ endpoints }) => endpoints.length > 0)
  .map(({ endpoints }) => endpoints[0] ?? assert.fail());

describe('the endpoints of a service that is read again', () => {
  it('are the objects that are there, where they are as they were', () => {
    fc.assert(
      fc.property(anyMessage, (service) => {
        const first = read(encoded(service));
        assert.deepEqual(first, service);
        const again = read(encoded(service), first);
        assert.deepEqual(again, service);
        for (const [index, endpoint] of again.endpoints.entries())
          assert.equal(endpoint, first.endpoints[index]);
      }),
      RUNS,
    );
  });

  it('are what the bytes say, whatever was there before', () => {
    fc.assert(
      fc.property(anyMessage, fc.array(anyEndpoint), (service, endpoints) => {
        assert.deepEqual(read(encoded(service), { ...service, endpoints }), service);
      }),
      RUNS,
    );
  });

  it('are new where one thing of them is another', () => {
    const base = { ...endpointAt('10.0.0.1', { locality: EU_A }), ports: { http: 80, grpc: 81 }, weight: 5 };
    const { weight: _, ...weightless } = base;
    const others: readonly Endpoint[] = [
      { ...base, address: '10.0.0.2' },
      { ...base, address: '10.0.0.11' },
      { ...base, ports: { http: 80 } },
      { ...base, ports: { http: 80, grpc: 82 } },
      { ...base, ports: { http: 80, grpx: 81 } },
      { ...base, locality: EU_B },
      { ...base, locality: { region: '', zone: '' } },
      { ...base, state: 'degraded' },
      { ...base, changedAtMs: base.changedAtMs + 1 },
      { ...base, changedAtMs: 0 },
      { ...base, weight: 6 },
      weightless,
    ];
    for (const one of [base, ...others]) {
      const message = messageOf(one);
      for (const other of [base, ...others]) {
        assert.equal(saysEndpoint(message, other), one === other, JSON.stringify([one, other]));
      }
    }
  });

  it('are never taken for those before when the bytes are damaged', () => {
    fc.assert(
      fc.property(anyEndpoint, fc.nat(), fc.nat(255), fc.boolean(), (endpoint, at, byte, cut) => {
        const message = new Uint8Array(messageOf(endpoint));
        const index = at % message.length;
        if (!cut && message[index] === byte) return;
        message[index] = byte;
        const damaged = cut ? message.subarray(0, index) : message;
        assert.equal(saysEndpoint(damaged, endpoint), false);
      }),
      RUNS,
    );
  });

  it('share what they have in common', () => {
    const endpoints = [1, 2, 3].map((host) => endpointAt(`10.0.0.${host}`, { locality: EU_A }));
    const [first, second, third] = read(encoded(serviceOf({ endpoints }))).endpoints;
    assert.equal(first?.ports, second?.ports);
    assert.equal(second?.locality, third?.locality);
    assert.notEqual(first, undefined);
  });

  it('are refused by their place', () => {
    const endpoints = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')];
    const before = read(encoded(serviceOf({ endpoints })));
    const broken = serviceOf({ endpoints: endpoints.with(1, endpointAt('no address')) });
    assert.throws(() => read(encoded(broken), before), {
      name: 'WireError',
      message: /^endpoints\[1\]\.address/,
    });
    const bytes = encoded(serviceOf({ endpoints }));
    const at = Buffer.from(bytes).indexOf('10.0.0.2');
    bytes[at - 1] = 100;
    assert.throws(() => read(bytes, before), WireError);
  });
});
