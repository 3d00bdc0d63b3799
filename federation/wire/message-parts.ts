import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** An encoded message, taken apart. */
export interface MessageParts {
  /** The items of one repeated field of messages, in their order; views of the message. */
  readonly items: readonly Uint8Array[];
  /** The message without them. */
  readonly rest: Uint8Array;
}

/**
 * So that each item of a long list can be decoded and converted before the next one is: a snapshot of thousands of
 * services is never in memory as messages.
 * @throws Error for bytes that are no message
 */
export function partsOf(bytes: Uint8Array, fieldNumber: number): MessageParts {
  const items: Uint8Array[] = [];
  const ranges: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  let restFrom = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    if (number !== fieldNumber || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    if (start > restFrom) ranges.push(bytes.subarray(restFrom, start));
    items.push(reader.bytes());
    restFrom = reader.pos;
  }
  if (restFrom < bytes.length) ranges.push(bytes.subarray(restFrom));
  const [only = new Uint8Array()] = ranges;
  return { items, rest: ranges.length < 2 ? only : Buffer.concat(ranges) };
}
