import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { EU_A, endpointAt, offerOf, portOf, serviceOf } from '../../test/fixtures/routing-snapshot.ts';
import { anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { decodeStatement, encodedStatement } from './federation-message.ts';
import { WireError } from './field-checks.ts';
import { ServiceSchema, SnapshotSchema } from './gen/federation_pb.ts';
import { partsOf } from './message-parts.ts';
import { serviceToWire } from './service-fields.ts';
import { diffSnapshots } from './snapshot-delta.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';
import { snapshotFromBytes, snapshotToBytes } from './snapshot-message.ts';

const RUNS = { numRuns: 200 };
const PAYMENTS = serviceOf({
  ports: [portOf('http', 80, 'http', 15_500), portOf('grpc', 81, 'http2')],
  offers: [offerOf('east', 2), offerOf('west', 3)],
  endpoints: [endpointAt('10.0.0.1', { locality: EU_A })],
});
const PAYMENTS_BYTES = toBinary(ServiceSchema, create(ServiceSchema, serviceToWire(PAYMENTS)));

describe('what a federation service sends', () => {
  it('is read from its bytes as it was, and encoded again by the bytes that came', () => {
    const sent = new SnapshotEncoder();
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        const encoded = encodedStatement(sent.snapshotMessage(snapshot));
        const { kind, epoch, version } = encoded;
        assert.deepEqual([kind, epoch, version], ['snapshot', snapshot.epoch, snapshot.version]);
        const kept = new Map<SnapshotService, Uint8Array>();
        const read = (service: SnapshotService, bytes: Uint8Array) => kept.set(service, bytes);
        const statement = decodeStatement(encoded, { read });
        assert.deepEqual(statement, { kind: 'snapshot', snapshot });
        assert.ok(statement.kind === 'snapshot');
        // Those that only routes lead to are few, and are encoded again.
        const services = [...statement.snapshot.services].filter(([, service]) => !service.backendOnly);
        assert.deepEqual(
          [...kept.keys()],
          services.map(([, service]) => service),
        );
        const again = new SnapshotEncoder();
        for (const service of kept.keys()) again.keep(service, PAYMENTS_BYTES);
        const [first] = services;
        if (first === undefined) return;
        const one = again.snapshot({ ...snapshot, services: new Map([first]) });
        assert.deepEqual([...snapshotFromBytes(one).services.values()], [PAYMENTS]);
      }),
      RUNS,
    );
  });

  it('is refused by its version, whatever is wrong with the rest', () => {
    const encoder = new SnapshotEncoder();
    const [base] = fc.sample(anySnapshot, 1);
    assert.ok(base);
    const next = { ...base, version: base.version + 1, services: new Map([['shop/payments', PAYMENTS]]) };
    const delta = diffSnapshots({ ...base, services: new Map() }, next);
    assert.ok(delta);
    const message = encoder.deltaMessage(delta);
    const at = message.indexOf('payments');
    message.fill(0xff, at, at + 8);
    const encoded = encodedStatement(message);
    assert.deepEqual([encoded.kind, encoded.epoch, encoded.version], ['delta', next.epoch, next.version]);
    assert.throws(() => decodeStatement(encoded), { name: 'WireError', message: /^changed_services\[0\]/ });
  });

  it('is refused when it is no message, or neither of the two', () => {
    for (const bytes of [[], [0xff, 0xff], [0x0a, 0x7f, 0x00], [0x08, 0x01]]) {
      assert.throws(() => encodedStatement(new Uint8Array(bytes)), WireError);
    }
  });
});

describe('a message in parts', () => {
  it('is what it was, whatever the order of its fields', () => {
    const [any] = fc.sample(anySnapshot, 1);
    assert.ok(any);
    const cart = { ...PAYMENTS, service: { namespace: 'shop', name: 'cart' } };
    const services = new Map([
      ['shop/payments', PAYMENTS],
      ['shop/cart', cart],
    ]);
    const snapshot = { ...any, services };
    const whole = snapshotToBytes(snapshot);
    const { items, rest } = partsOf(whole, SnapshotSchema.field.services.number);
    assert.equal(items.length, 2);
    assert.deepEqual(snapshotFromBytes(rest), { ...snapshot, services: new Map() });
    const [first = new Uint8Array(), ...others] = items.map((item) =>
      new BinaryWriter()
        .tag(SnapshotSchema.field.services.number, WireType.LengthDelimited)
        .bytes(item)
        .finish(),
    );
    assert.deepEqual(snapshotFromBytes(Buffer.concat([first, rest, ...others])), snapshot);
  });
});
