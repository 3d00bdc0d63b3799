import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { decodeHuffman } from './huffman-decoder.ts';
import { encodeHuffman, huffmanLength } from './huffman-encoder.ts';
import { SensitiveNames } from './indexing.ts';
import { SharedStrings } from './shared-strings.ts';

const SCRATCH = Buffer.alloc(128 * 1024);

interface Pair {
  readonly encoder: HpackEncoder;
  readonly decoder: HpackDecoder;
  readonly sensitive: SensitiveNames;
}

function newPair(options: { readonly huffman?: boolean; readonly maxTableBytes?: number } = {}): Pair {
  const maxTableBytes = options.maxTableBytes ?? 4096;
  const sensitive = new SensitiveNames();
  const strings = new SharedStrings();
  return {
    encoder: new HpackEncoder({ maxTableBytes, huffman: options.huffman ?? false, sensitive, strings }),
    decoder: new HpackDecoder(
      { maxTableBytes: 4096, maxFields: 1000, maxListBytes: 1_000_000, strings },
      SCRATCH,
    ),
    sensitive,
  };
}

/** Encodes with a guard behind the promised size; returns the bytes. */
function encode(encoder: HpackEncoder, block: string[]): Buffer {
  const bound = encoder.maxEncodedBytes(block);
  const target = Buffer.alloc(bound + 1, 0xaa);
  const end = encoder.encode(block, target, 0);
  assert.ok(end <= bound);
  assert.equal(target[bound], 0xaa);
  return target.subarray(0, end);
}

function roundTrip(pair: Pair, block: string[]): Buffer {
  const bytes = encode(pair.encoder, block);
  assert.deepEqual(pair.decoder.decode(bytes, 0, bytes.length), block);
  return bytes;
}

const fieldName = fc.oneof(
  fc.constantFrom(
    ':path',
    ':authority',
    'cookie',
    'x-id',
    'content-type',
    'traceparent',
    'accept',
    'grpc-timeout',
  ),
  fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,40}$/),
);
const fieldValue = fc.oneof(
  fc.constantFrom('', '/', 'gzip, deflate', 'same', '/a?b'),
  fc.stringMatching(/^[!-~\xa0-\xff]{0,300}$/),
);
const block = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 30 }).map((fields) => fields.flat());

describe('what is encoded decodes to the same', () => {
  for (const huffman of [false, true]) {
    test(`blocks in a row on one connection, Huffman ${huffman ? 'on' : 'off'}`, () => {
      fc.assert(
        fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), (blocks) => {
          const pair = newPair({ huffman });
          for (const each of blocks) roundTrip(pair, each);
        }),
        { numRuns: 300 },
      );
    });
  }

  test('while the peer changes its table size', () => {
    const step = fc.tuple(fc.option(fc.integer({ min: 0, max: 4096 }), { nil: undefined }), block);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const pair = newPair();
        for (const [tableBytes, each] of steps) {
          if (tableBytes !== undefined) pair.encoder.limitTable(tableBytes);
          roundTrip(pair, each);
          if (tableBytes !== undefined) assert.ok(pair.decoder.tableBytes <= tableBytes);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('Huffman code of any bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }),
        (text) => {
          const bytes = Buffer.alloc(huffmanLength(text) + 1, 0xaa);
          assert.equal(encodeHuffman(text, bytes, 0), bytes.length - 1);
          assert.equal(bytes.at(-1), 0xaa);
          const length = decodeHuffman(bytes, 0, bytes.length - 1, SCRATCH);
          assert.equal(SCRATCH.toString('latin1', 0, length), text);
        },
      ),
    );
  });
});

describe('what goes into the table', () => {
  const request = [
    ':method',
    'GET',
    ':scheme',
    'http',
    ':authority',
    'a.example',
    ':path',
    '/',
    'x-app',
    'web',
  ];

  test('a request that comes again is one byte a field', () => {
    const pair = newPair();
    roundTrip(pair, request);
    assert.equal(roundTrip(pair, request).length, request.length / 2);
  });

  test('values that hardly repeat are never put there', () => {
    const pair = newPair();
    for (let count = 0; count < 200; count++) {
      roundTrip(pair, ['traceparent', `00-${count}`, 'x-request-id', `${count}`, ':path', `/a?b=${count}`]);
    }
    assert.equal(pair.decoder.tableBytes, 0);
  });

  test('a path is put there when it comes again, one with a query never', () => {
    const pair = newPair();
    assert.ok(roundTrip(pair, [':path', '/orders']).length > 1);
    assert.equal(pair.decoder.tableBytes, 0);
    assert.ok(roundTrip(pair, [':path', '/orders']).length > 1);
    assert.equal(roundTrip(pair, [':path', '/orders']).length, 1);
    for (let count = 0; count < 3; count++) assert.ok(roundTrip(pair, [':path', '/orders?a']).length > 1);
  });

  test('secrets are literals that no hop may index', () => {
    const pair = newPair();
    for (const name of ['authorization', 'cookie', 'set-cookie', 'proxy-authorization']) {
      for (let count = 0; count < 3; count++) {
        const bytes = roundTrip(pair, [name, 'secret']);
        assert.equal((bytes[0] ?? 0) & 0xf0, 0x10, name);
      }
    }
    assert.equal(pair.decoder.tableBytes, 0);
  });

  test('a name that a peer never indexes is never indexed on the next hop', () => {
    const pair = newPair();
    pair.sensitive.add('x-token');
    const bytes = roundTrip(pair, ['x-token', 'abc']);
    assert.equal(bytes[0], 0x10);
    assert.equal(pair.decoder.tableBytes, 0);
  });

  test('nor is it found there, when it got in before the peer said so', () => {
    const pair = newPair();
    const token = ['x-token', 'abc'];
    for (let count = 0; count < 3; count++) roundTrip(pair, token);
    assert.equal(roundTrip(pair, token).length, 1);
    pair.sensitive.add('x-token');
    assert.equal((roundTrip(pair, token)[0] ?? 0) & 0xf0, 0x10);
    assert.ok(roundTrip(pair, ['x-other', '1', ...token]).includes('abc'), 'at another place neither');
  });

  test('a name that others drove out of memory is marked again by the very message that has its secret', () => {
    const sensitive = new SensitiveNames(2);
    const strings = new SharedStrings();
    const encoder = new HpackEncoder({ maxTableBytes: 4096, huffman: false, sensitive, strings });
    const incoming = new HpackDecoder(
      { maxTableBytes: 4096, maxFields: 1000, maxListBytes: 1_000_000, strings, sensitive },
      SCRATCH,
    );
    const marked = (name: string, value: string): Buffer => {
      const bytes = [0x10, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)];
      return encode(encoder, incoming.decode(Buffer.from(bytes), 0, bytes.length));
    };
    for (let round = 0; round < 3; round++) {
      const bytes = marked('x-token', 'secret');
      assert.equal((bytes[0] ?? 0) & 0xf0, 0x10);
      assert.ok(bytes.includes('secret'));
      for (const other of ['x-a', 'x-b', 'x-c']) marked(other, '1');
      assert.equal(sensitive.has('x-token'), false);
    }
    assert.ok(
      encode(encoder, ['x-token', 'secret']).includes('secret'),
      'a guess finds nothing in the table',
    );
  });

  test('a large value does not drive out the rest', () => {
    const pair = newPair();
    roundTrip(pair, request);
    const tableBytes = pair.decoder.tableBytes;
    roundTrip(pair, ['x-large', 'v'.repeat(3000)]);
    assert.equal(pair.decoder.tableBytes, tableBytes);
  });

  test('thousands of names leave no trace past the table', () => {
    const pair = newPair();
    for (let count = 0; count < 5000; count++) roundTrip(pair, [`x-name-${count}`, 'v']);
    assert.ok(pair.decoder.tableBytes <= 4096);
    roundTrip(pair, ['x-name-4999', 'v', 'x-name-0', 'v']);
  });

  test('a table of size 0 is respected from the first block on', () => {
    const pair = newPair({ maxTableBytes: 0 });
    const bytes = roundTrip(pair, request);
    assert.equal(bytes[0], 0x20);
    roundTrip(pair, request);
    assert.equal(pair.decoder.tableBytes, 0);
  });
});

describe('a block with more fields than the table holds', () => {
  const wide = Array.from({ length: 60 }, (_, i) => [`x-field-${i}`, `${i + 10}`.repeat(40)]).flat();

  test('finds what the table has room for, instead of replacing all of it each time', () => {
    const pair = newPair();
    roundTrip(pair, wide);
    const second = roundTrip(pair, wide);
    const third = roundTrip(pair, wide);
    assert.equal(third.length, second.length);
    const literal = wide.filter((text) => !text.startsWith('x-') && third.includes(text));
    assert.ok(literal.length < 40, `${literal.length} of 60 fields are literals`);
  });

  test('gives way to another kind of traffic', () => {
    const pair = newPair();
    roundTrip(pair, wide);
    const other = ['x-other', 'o'.repeat(500)];
    let blocks = 0;
    while (roundTrip(pair, other).length > 10) assert.ok(blocks++ < 500);
    assert.ok(blocks > 0);
  });
});
