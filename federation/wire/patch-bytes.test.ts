import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { endpointAt, offerOf } from '../../test/fixtures/routing-snapshot.ts';
import { anyService } from '../../test/fixtures/snapshot-arbitrary.ts';
import {
  EndpointSchema,
  OfferSchema,
  PlacedEndpointSchema,
  ServicePatchSchema,
} from './gen/federation_pb.ts';
import { patchFromBytes } from './patch-bytes.ts';
import { patchFromWire, patchMessage } from './patch-fields.ts';
import type { ServicePatch } from './service-patch.ts';

const RUNS = { numRuns: 1000 };
const { LengthDelimited, Varint, Bit32, Bit64, StartGroup } = WireType;

const anyPatch: fc.Arbitrary<ServicePatch> = fc
  .tuple(anyService, fc.array(fc.nat(20_000), { maxLength: 3 }), fc.nat(20_000))
  .map(([{ service, offers, endpoints }, removedEndpoints, endpointCount]) => ({
    service,
    offers,
    removedEndpoints,
    addedEndpoints: endpoints.map((endpoint, place) => ({ place: place * 700, endpoint })),
    endpointCount,
  }));

const SOUND: ServicePatch = {
  service: { namespace: 'shop', name: 'payments' },
  offers: [offerOf('east', 3)],
  removedEndpoints: [1],
  addedEndpoints: [{ place: 1, endpoint: { ...endpointAt('10.0.0.9'), weight: 3 } }],
  endpointCount: 3,
};

function generated(bytes: Uint8Array): ServicePatch {
  return patchFromWire(fromBinary(ServicePatchSchema, bytes))[1];
}

function byHand(bytes: Uint8Array): ServicePatch {
  return patchFromWire(patchFromBytes(bytes))[1];
}

/** What one of both makes of bytes; undefined = it refuses them. */
function outcome(read: (bytes: Uint8Array) => ServicePatch, bytes: Uint8Array): ServicePatch | undefined {
  try {
    return read(bytes);
  } catch (failure) {
    assert.ok(
      failure instanceof Error && (read === generated || failure.name === 'WireError'),
      String(failure),
    );
    return undefined;
  }
}

/** A sound patch and more. */
function extended(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return Buffer.concat([patchMessage(SOUND), writer.finish()]);
}

describe('a patch that is read by hand', () => {
  it('is what the generated code reads', () => {
    fc.assert(
      fc.property(anyPatch, (patch) => {
        const bytes = patchMessage(patch);
        assert.deepEqual(byHand(bytes), generated(bytes));
        assert.deepEqual(byHand(bytes), patch);
      }),
      RUNS,
    );
  });

  it('is refused, or what the generated code reads, when the bytes are damaged', () => {
    fc.assert(
      fc.property(anyPatch, fc.nat(), fc.nat(255), fc.boolean(), (patch, at, byte, cut) => {
        const bytes = new Uint8Array(patchMessage(patch));
        const index = at % bytes.length;
        bytes[index] = byte;
        const damaged = cut ? bytes.subarray(0, index) : bytes;
        const found = outcome(byHand, damaged);
        if (found !== undefined) assert.deepEqual(found, outcome(generated, damaged));
      }),
      { numRuns: 5000 },
    );
  });

  it('is taken without fields of a newer release, of every type', () => {
    const more = extended((writer) => {
      writer.tag(20, Varint).uint64(2n ** 64n - 1n);
      writer.tag(21, LengthDelimited).string('more');
      writer.tag(22, Bit32).fixed32(7).tag(23, Bit64).fixed64(7n);
    });
    assert.deepEqual(byHand(more), SOUND);
  });

  it('is refused with a restriction of a newer release, or what cannot be read', () => {
    const broken: readonly (readonly [RegExp, (writer: BinaryWriter) => void])[] = [
      [/field 1000 is a restriction/, (writer) => writer.tag(1000, Varint).bool(true)],
      [/no type that can be left out/, (writer) => writer.tag(20, StartGroup)],
      [/field 1 is of another type/, (writer) => writer.tag(1, Varint).uint32(1)],
      [/without a number/, (writer) => writer.raw(new Uint8Array([0, 1]))],
      [/a number is too long/, (writer) => writer.tag(6, Varint).raw(new Uint8Array(11).fill(0xff))],
      [/is too large/, (writer) => writer.tag(6, Varint).uint64(2n ** 63n)],
      [/ends within a field/, (writer) => writer.tag(1, LengthDelimited).uint32(5)],
      [/no UTF-8/, (writer) => writer.tag(1, LengthDelimited).bytes(new Uint8Array([0xff]))],
      [/ends within a field/, (writer) => writer.tag(3, LengthDelimited).bytes(new Uint8Array([10, 5, 1]))],
    ];
    for (const [message, write] of broken) {
      assert.throws(() => byHand(extended(write)), { name: 'WireError', message });
    }
  });

  it('is read no further than the bound of a list', () => {
    const { offers, removedEndpoints, addedEndpoints } = ServicePatchSchema.field;
    const nothing = new Uint8Array();
    const times = (count: number, write: () => void): void => {
      for (let at = 0; at < count; at++) write();
    };
    const inOffer = (writer: BinaryWriter, field: number, count: number): void => {
      writer.tag(offers.number, LengthDelimited).fork();
      times(count, () => writer.tag(field, LengthDelimited).bytes(nothing));
      writer.join();
    };
    const inEndpoint = (writer: BinaryWriter, count: number): void => {
      writer.tag(addedEndpoints.number, LengthDelimited).fork();
      writer.tag(PlacedEndpointSchema.field.endpoint.number, LengthDelimited).fork();
      times(count, () => writer.tag(EndpointSchema.field.ports.number, LengthDelimited).bytes(nothing));
      writer.join().join();
    };
    const packed = (writer: BinaryWriter): void => {
      writer.tag(removedEndpoints.number, LengthDelimited).bytes(new Uint8Array(20_000));
    };
    const single = (writer: BinaryWriter): void =>
      times(20_000, () => writer.tag(removedEndpoints.number, Varint).uint32(1));
    const repeated =
      (field: number, count: number) =>
      (writer: BinaryWriter): void =>
        times(count, () => writer.tag(field, LengthDelimited).bytes(nothing));
    const { localities, ports } = OfferSchema.field;
    for (const [message, write] of [
      [/^removed_endpoints: 20001 items, at most 20000 are/, packed],
      [/^removed_endpoints: 20001 items, at most 20000 are/, single],
      [/^added_endpoints: 20001 items, at most 20000 are/, repeated(addedEndpoints.number, 20_000)],
      [/^offers: 1002 items, at most 1001 are/, repeated(offers.number, 1_001)],
      [/^localities: 201 items, at most 200 are/, (writer) => inOffer(writer, localities.number, 201)],
      [/^ports: 101 items, at most 100 are/, (writer) => inOffer(writer, ports.number, 101)],
      [/^ports: 101 items, at most 100 are/, (writer) => inEndpoint(writer, 101)],
    ] as readonly (readonly [RegExp, (writer: BinaryWriter) => void])[]) {
      const bytes = extended((writer) => {
        write(writer);
        writer.raw(new Uint8Array([0, 1])); // Would be refused for something else.
      });
      assert.throws(() => patchFromBytes(bytes), { name: 'WireError', message });
    }
  });
});
