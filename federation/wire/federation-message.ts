import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { deltaFromBytes } from './delta-message.ts';
import { decoded, WireError } from './field-checks.ts';
import type { SnapshotStatement } from './gateway-message.ts';
import * as wire from './gen/federation_pb.ts';
import { type ReadingOptions, snapshotFromBytes } from './snapshot-message.ts';

/** What a federation service sends, still encoded: a gateway passes it on to its workers as it came. */
export interface EncodedStatement {
  readonly kind: 'snapshot' | 'delta';
  /** Of the snapshot that it is or leads to, as it says; 0 where it says nothing. */
  readonly epoch: number;
  readonly version: number;
  /** `Snapshot` or `SnapshotDelta`. */
  readonly bytes: Uint8Array;
}

const { snapshot, delta } = wire.FederationMessageSchema.field;

/**
 * Reads no more of a `FederationMessage` than which snapshot it is about, so that it can be refused by its version
 * whatever is wrong with the rest.
 * @throws WireError when not even that can be read
 */
export function encodedStatement(message: Uint8Array): EncodedStatement {
  return decoded('message', () => {
    const reader = new BinaryReader(message);
    let found: EncodedStatement | undefined;
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
      else if (number === snapshot.number) found = snapshotStatement(reader.bytes());
      else if (number === delta.number) found = deltaStatement(reader.bytes());
      else reader.skip(wireType, number);
    }
    if (found === undefined) throw new WireError('kind: neither a snapshot nor a delta');
    return found;
  });
}

/** @throws WireError naming the field that breaks the contract */
export function decodeStatement(
  { kind, bytes }: Pick<EncodedStatement, 'kind' | 'bytes'>,
  options?: ReadingOptions,
): SnapshotStatement {
  return kind === 'snapshot'
    ? { kind, snapshot: snapshotFromBytes(bytes, options) }
    : { kind, delta: deltaFromBytes(bytes, options) };
}

function snapshotStatement(bytes: Uint8Array): EncodedStatement {
  const { epoch, snapshotVersion } = wire.SnapshotSchema.field;
  const [first, second] = numbersOf(bytes, epoch.number, snapshotVersion.number);
  return { kind: 'snapshot', epoch: first, version: second, bytes };
}

function deltaStatement(bytes: Uint8Array): EncodedStatement {
  const { epoch, snapshotVersion } = wire.SnapshotDeltaSchema.field;
  const [first, second] = numbersOf(bytes, epoch.number, snapshotVersion.number);
  return { kind: 'delta', epoch: first, version: second, bytes };
}

/** Two varint fields of a message; 0 where they are not there. */
function numbersOf(bytes: Uint8Array, first: number, second: number): readonly [number, number] {
  const reader = new BinaryReader(bytes);
  let [one, other] = [0, 0];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType !== WireType.Varint || (number !== first && number !== second)) {
      reader.skip(wireType, number);
      continue;
    }
    const value = Number(reader.uint64());
    if (number === first) one = value;
    else other = value;
  }
  return [one, other];
}
