import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HpackDecoder, type HpackDecoderOptions } from './decoder.ts';
import { HpackError } from './hpack-error.ts';
import { SharedStrings } from './shared-strings.ts';

const SCRATCH = Buffer.alloc(128 * 1024);

function newDecoder(options: Partial<HpackDecoderOptions> = {}): HpackDecoder {
  const strings = new SharedStrings();
  const limits = { maxTableBytes: 4096, maxFields: 100, maxListBytes: 61_440, strings };
  return new HpackDecoder({ ...limits, ...options }, SCRATCH);
}

function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(bytes, 0, bytes.length);
}

const FIRST_REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const SECOND_REQUEST = [...FIRST_REQUEST, 'cache-control', 'no-cache'];
const THIRD_REQUEST = [
  ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
  ...['custom-key', 'custom-value'],
];
const LOCATION = ['location', 'https://www.example.com'];
const FIRST_DATE = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const FIRST_RESPONSE = [':status', '302', 'cache-control', 'private', ...FIRST_DATE, ...LOCATION];
const SECOND_RESPONSE = [':status', '307', 'cache-control', 'private', ...FIRST_DATE, ...LOCATION];
const THIRD_RESPONSE = [
  ...[':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT', ...LOCATION],
  ...['content-encoding', 'gzip'],
  ...['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
];

/** RFC 7541 appendix C: block, what it says, size of the dynamic table after it. */
type Vector = readonly [hex: string, block: readonly string[], tableBytes: number];

const SEQUENCES: ReadonlyArray<readonly [name: string, maxTableBytes: number, vectors: readonly Vector[]]> = [
  [
    'C.2.1 literal with indexing',
    4096,
    [['400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key', 'custom-header'], 55]],
  ],
  ['C.2.2 literal without indexing', 4096, [['040c2f73616d706c652f70617468', [':path', '/sample/path'], 0]]],
  ['C.2.3 literal never indexed', 4096, [['100870617373776f726406736563726574', ['password', 'secret'], 0]]],
  ['C.2.4 indexed', 4096, [['82', [':method', 'GET'], 0]]],
  [
    'C.3 requests without Huffman',
    4096,
    [
      ['828684410f7777772e6578616d706c652e636f6d', FIRST_REQUEST, 57],
      ['828684be58086e6f2d6361636865', SECOND_REQUEST, 110],
      ['828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565', THIRD_REQUEST, 164],
    ],
  ],
  [
    'C.4 requests with Huffman',
    4096,
    [
      ['828684418cf1e3c2e5f23a6ba0ab90f4ff', FIRST_REQUEST, 57],
      ['828684be5886a8eb10649cbf', SECOND_REQUEST, 110],
      ['828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', THIRD_REQUEST, 164],
    ],
  ],
  [
    'C.5 responses without Huffman, small table',
    256,
    [
      [
        '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54' +
          '6e1768747470733a2f2f7777772e6578616d706c652e636f6d',
        FIRST_RESPONSE,
        222,
      ],
      ['4803333037c1c0bf', SECOND_RESPONSE, 222],
      [
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f' +
          '3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076' +
          '657273696f6e3d31',
        THIRD_RESPONSE,
        215,
      ],
    ],
  ],
  [
    'C.6 responses with Huffman, small table',
    256,
    [
      [
        '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f' +
          '0b97c8e9ae82ae43d3',
        FIRST_RESPONSE,
        222,
      ],
      ['4883640effc1c0bf', SECOND_RESPONSE, 222],
      [
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df' +
          'dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
        THIRD_RESPONSE,
        215,
      ],
    ],
  ],
];

describe('the vectors of RFC 7541 appendix C', () => {
  for (const [name, maxTableBytes, vectors] of SEQUENCES) {
    test(name, () => {
      const decoder = newDecoder({ maxTableBytes });
      for (const [hex, block, tableBytes] of vectors) {
        assert.deepEqual(decode(decoder, hex), block);
        assert.equal(decoder.flaw, undefined);
        assert.equal(decoder.tableBytes, tableBytes);
      }
    });
  }
});

describe('integers of RFC 7541 appendix C.1', () => {
  for (const [name, hex, bytes] of [
    ['C.1.1: 10, prefix of 5 bits', '2a', 10],
    ['C.1.2: 1337, prefix of 5 bits', '3f9a0a', 1337],
  ] as const) {
    test(`${name}, as a table size update`, () => {
      assert.throws(() => decode(newDecoder({ maxTableBytes: bytes - 1 }), hex), HpackError);
      assert.deepEqual(decode(newDecoder({ maxTableBytes: bytes }), hex), []);
    });
  }

  test('C.1.3: 42 at the beginning of a byte, as the length of a name', () => {
    assert.deepEqual(decode(newDecoder(), `00 2a ${'6e'.repeat(42)} 0176`), ['n'.repeat(42), 'v']);
  });
});

describe('a block that breaks the coding ends the connection', () => {
  const broken: ReadonlyArray<readonly [name: string, hex: string]> = [
    ['index 0', '80'],
    ['an index past the static table, with an empty dynamic one', 'be'],
    ['an index far past the table', 'ff80808001'],
    ['a name index that is not there', '7e0161'],
    ['an integer that does not end', 'ff'],
    ['an integer longer than any we take', 'ffffffffffffffffff7f'],
    ['an integer padded with zeros', '7f808080808000'],
    ['a string longer than the block', '40056162'],
    ['a block that ends before the value', '400161'],
    ['a block that ends before the name', '40'],
    ['a table size above our setting', '3fe21f'],
    ['three table size updates', '20202082'],
    ['a table size update after a field', '8220'],
    ['Huffman: EOS inside', '400161 84ffffffff'],
    ['Huffman: padding of 8 bits', '400161 82 1fff'],
    ['Huffman: padding with zeros', '400161 81 18'],
  ];
  for (const [name, hex] of broken) {
    test(name, () => assert.throws(() => decode(newDecoder(), hex), HpackError));
  }

  test('what an eviction dropped cannot be named', () => {
    const decoder = newDecoder();
    decode(decoder, '400a637573746f6d2d6b65790d637573746f6d2d686561646572');
    assert.deepEqual(decode(decoder, '20'), []);
    assert.equal(decoder.tableBytes, 0);
    assert.throws(() => decode(decoder, 'be'), HpackError);
  });
});

describe('a block that can be decoded but not used', () => {
  const invalid: ReadonlyArray<readonly [name: string, field: string, value: string]> = [
    ['an upper-case name', 'X-Foo', 'a'],
    ['an empty name', '', 'a'],
    ['a space in a name', 'x foo', 'a'],
    ['a colon inside a name', 'x:foo', 'a'],
    ['a colon alone', ':', 'a'],
    ['a non-ASCII name', 'x-\xe9', 'a'],
    ['CR in a value', 'x-foo', 'a\rb'],
    ['LF in a value', 'x-foo', 'a\nb'],
    ['NUL in a value', 'x-foo', 'a\0b'],
    ['DEL in a value', 'x-foo', 'a\x7fb'],
    ['a space before a value', 'x-foo', ' a'],
    ['a tab after a value', 'x-foo', 'a\t'],
  ];
  for (const [name, field, value] of invalid) {
    const bytes = literal(0x40, field, value);
    test(name, () => {
      const decoder = newDecoder();
      decoder.decode(bytes, 0, bytes.length);
      assert.equal(decoder.flaw, 'invalid-field');
      // The table has it all the same, or the peer's picture of it would differ; it stays unusable.
      decode(decoder, 'be');
      assert.equal(decoder.flaw, 'invalid-field');
      decode(decoder, '82');
      assert.equal(decoder.flaw, undefined);
    });
  }

  test('obs-text, tabs and commas inside a value are fine', () => {
    const decoder = newDecoder();
    const bytes = literal(0x00, 'x-foo', 'a\t"\xe9\xff", b');
    assert.deepEqual(decoder.decode(bytes, 0, bytes.length), ['x-foo', 'a\t"\xe9\xff", b']);
    assert.equal(decoder.flaw, undefined);
  });

  test('too many fields', () => {
    const decoder = newDecoder();
    assert.equal(decode(decoder, '82'.repeat(100)).length, 200);
    assert.equal(decoder.flaw, undefined);
    assert.equal(decode(decoder, '82'.repeat(101)).length, 200);
    assert.equal(decoder.flaw, 'too-large');
  });

  test('a small block that names a large entry many times is not kept', () => {
    const decoder = newDecoder({ maxFields: 100_000 });
    const bytes = Buffer.concat([literal(0x40, 'x-bomb', 'b'.repeat(4000)), Buffer.alloc(10_000, 0xbe)]);
    const block = decoder.decode(bytes, 0, bytes.length);
    assert.equal(decoder.flaw, 'too-large');
    assert.equal(block.length, 2 * Math.floor(61_440 / 4038));
  });

  test('the table goes on after a block that was too large', () => {
    const decoder = newDecoder({ maxFields: 1 });
    const bytes = Buffer.concat([literal(0x40, 'a', 'b'), literal(0x40, 'c', 'd')]);
    decoder.decode(bytes, 0, bytes.length);
    assert.equal(decoder.flaw, 'too-large');
    assert.deepEqual(decode(decoder, 'be'), ['c', 'd']);
    assert.deepEqual(decode(decoder, 'bf'), ['a', 'b']);
  });
});

test('names that were never indexed are reported', () => {
  const names: string[] = [];
  const decoder = newDecoder({ sensitive: { add: (name) => names.push(name) } });
  decode(decoder, '100870617373776f726406736563726574');
  decode(decoder, '040c2f73616d706c652f70617468');
  assert.deepEqual(names, ['password']);
});

function literal(form: number, name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([form]),
    lengthOf(name),
    Buffer.from(name, 'latin1'),
    lengthOf(value),
    Buffer.from(value, 'latin1'),
  ]);
}

function lengthOf(text: string): Buffer {
  if (text.length < 127) return Buffer.from([text.length]);
  const left = text.length - 127;
  return Buffer.from([127, (left & 127) | 128, left >> 7]);
}
