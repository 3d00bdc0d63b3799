import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { callerGroupFromWire, callerGroupToWire } from './caller-fields.ts';
import * as wire from './gen/federation_pb.ts';

const GROUP = {
  namespace: 'shop',
  serviceAccount: 'cart',
  block: '10.0',
  addresses: ['10.0.255.0', '10.0.255.255'],
};

test('a group of callers is the same over the wire, in four bytes for an address', () => {
  const message = create(wire.CallerGroupSchema, callerGroupToWire(GROUP));
  const bytes = toBinary(wire.CallerGroupSchema, message);
  assert.ok(bytes.length <= 'shop'.length + 'cart'.length + 2 * 4 + 6);
  const read = fromBinary(wire.CallerGroupSchema, bytes);
  assert.deepEqual(callerGroupFromWire(read), ['shop/cart/10.0', GROUP]);
  const six = { ...GROUP, block: 'fd00:0:0', addresses: ['fd00:0:0:1::7'] };
  const again = create(wire.CallerGroupSchema, callerGroupToWire(six));
  assert.deepEqual(callerGroupFromWire(again), ['shop/cart/fd00:0:0', six]);
});

describe('a group of callers that breaks the contract', () => {
  for (const [change, problem] of [
    [{ namespace: 'a/b' }, /^namespace: /],
    [{ serviceAccount: 'x/sa/admin' }, /^service_account: "x\/sa\/admin" is no name/],
    [{ ipv4: new Uint8Array(3) }, /^ipv4: 3 bytes are no addresses/],
    [{ ipv4: new Uint8Array(0) }, /^ipv4: there is no address/],
    [{ ipv4: new Uint8Array([10, 0, 0, 1, 10, 1, 1, 1]) }, /^ipv4: the addresses do not begin alike/],
    [{ others: ['no host'] }, /^others\[0\]: /],
  ] satisfies [MessageInitShape<typeof wire.CallerGroupSchema>, RegExp][]) {
    it(`is refused: ${problem.source}`, () => {
      const message = create(wire.CallerGroupSchema, { ...callerGroupToWire(GROUP), ...change });
      assert.throws(() => callerGroupFromWire(message), { name: 'WireError', message: problem });
    });
  }
});
