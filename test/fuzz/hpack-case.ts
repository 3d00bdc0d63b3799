import { HpackDecoder } from '../../gateway/hpack/decoder.ts';
import { HpackEncoder } from '../../gateway/hpack/encoder.ts';
import { HpackError } from '../../gateway/hpack/hpack-error.ts';
import { SensitiveNames } from '../../gateway/hpack/indexing.ts';
import { SharedStrings } from '../../gateway/hpack/shared-strings.ts';
import { Finding } from './finding.ts';
import { mutateBytes } from './http1-input.ts';
import type { Random } from './random.ts';

const MAX_FIELDS = 100;
const TABLE_BYTES = 4096;
const NAMES = [
  ':path',
  ':authority',
  'cookie',
  'authorization',
  'x-a',
  'x-request-id',
  'accept',
  'grpc-timeout',
];

/** Blocks in a row, decoded to the same; then the same bytes broken. @throws Finding */
export function runHpack(random: Random, scratch: Buffer): void {
  const huffman = random.once(2);
  const strings = new SharedStrings();
  const encoder = new HpackEncoder({
    maxTableBytes: TABLE_BYTES,
    huffman,
    sensitive: new SensitiveNames(),
    strings,
  });
  const decoder = newDecoder(scratch, strings);
  const broken = newDecoder(scratch, strings);
  let breaks = false;
  for (let count = 1 + random.below(10); count > 0; count--) {
    if (random.once(3)) encoder.limitTable(random.below(5000));
    const block = makeBlock(random);
    const target = Buffer.alloc(encoder.maxEncodedBytes(block));
    const bytes = target.subarray(0, encoder.encode(block, target, 0));
    const decoded = decoder.decode(bytes, 0, bytes.length);
    if (JSON.stringify(decoded) !== JSON.stringify(block)) {
      throw new Finding('differs', `${JSON.stringify(block)} came back as ${JSON.stringify(decoded)}`);
    }
    const mutated = random.once(2) ? mutateBytes(bytes, random) : randomBytes(random);
    breaks ||= decodeBroken(broken, mutated);
    // After an error a connection is closed, and its decoder with it.
    if (breaks) return;
  }
}

function newDecoder(scratch: Buffer, strings: SharedStrings): HpackDecoder {
  return new HpackDecoder(
    { maxTableBytes: TABLE_BYTES, maxFields: MAX_FIELDS, maxListBytes: 61_440, strings },
    scratch,
  );
}

function makeBlock(random: Random): string[] {
  const block: string[] = [];
  for (let count = random.below(20); count > 0; count--) {
    const name = random.once(4) ? `x-${random.below(1000)}` : random.pick(NAMES);
    const value = random.pick([
      '',
      'a',
      '/a?b',
      `v${random.below(50)}`,
      'x'.repeat(random.below(300)),
      '\xff~!',
    ]);
    block.push(name, value);
  }
  return block;
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
}

/** True when the bytes broke the coding. */
function decodeBroken(decoder: HpackDecoder, bytes: Buffer): boolean {
  try {
    const { length } = decoder.decode(bytes, 0, bytes.length);
    if (length > 2 * MAX_FIELDS) throw new Finding('leak', `${length / 2} fields`);
  } catch (error) {
    if (error instanceof HpackError) return true;
    throw error;
  }
  if (decoder.tableBytes > TABLE_BYTES) throw new Finding('leak', `a table of ${decoder.tableBytes} bytes`);
  return false;
}
